//! Which peers are our own proxies: ranges of addresses in CIDR notation (RFC 4632, RFC 4291 2.3).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A range of addresses, `10.0.0.0/8` or `fd00::/8`; an address alone is a range of one.
///
/// ```
/// # use auth_core::AddressRange;
/// let range: AddressRange = "10.0.0.0/8".parse()?;
/// assert!(range.contains("10.1.2.3".parse()?));
/// assert!("10.1.2.3/8".parse::<AddressRange>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    network: IpAddr,
    prefix: u32,
}

impl AddressRange {
    /// Whether `address` is in it. An IPv4 address counts as such also when IPv6 carries it (`::ffff:10.1.2.3`).
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.network.is_ipv4() && first_bits(address, self.prefix) == bits(self.network)
    }
}

impl FromStr for AddressRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (network, prefix) = match text.trim().split_once('/') {
            Some((network, prefix)) => (network, Some(prefix)),
            None => (text.trim(), None),
        };
        let network: IpAddr = network.parse().map_err(|_| InvalidRange)?;
        // The mapped form would mean one thing here and another to whoever wrote it.
        if network.to_canonical() != network {
            return Err(InvalidRange);
        }
        let longest = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| InvalidRange)?
            }
            Some(_) => return Err(InvalidRange),
            None => longest,
        };
        // Bits beyond the prefix are a mistake: `10.1.2.3/8` may have been meant as one host or as all of them.
        if prefix > longest || first_bits(network, prefix) != bits(network) {
            return Err(InvalidRange);
        }
        Ok(Self { network, prefix })
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

/// The bits of an address, the first one highest.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The same with all but the first `count` cleared.
fn first_bits(address: IpAddr, count: u32) -> u128 {
    bits(address) & u128::MAX.checked_shl(128 - count).unwrap_or_default()
}

/// Text that is no range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write ranges such as `10.0.0.0/8` or `fd00::/8`, without bits beyond the prefix")]
pub struct InvalidRange;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g7_ranges_hold_what_they_say() {
        for (range, inside, outside) in [
            (
                "10.0.0.0/8",
                vec!["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
                vec!["11.0.0.0", "9.255.255.255", "a00::"],
            ),
            ("192.0.2.7", vec!["192.0.2.7"], vec!["192.0.2.6", "192.0.2.8"]),
            ("0.0.0.0/0", vec!["0.0.0.0", "255.255.255.255"], vec!["::", "2001:db8::1"]),
            ("192.0.2.128/25", vec!["192.0.2.128", "192.0.2.255"], vec!["192.0.2.127"]),
            ("fd00::/8", vec!["fd00::", "fdff::1"], vec!["fe00::", "10.0.0.1"]),
            ("::1", vec!["::1"], vec!["::2", "127.0.0.1"]),
            ("::/0", vec!["::", "2001:db8::1"], vec!["10.0.0.1", "::ffff:10.0.0.1"]),
        ] {
            let range: AddressRange = range.parse().expect(range);
            for address in inside {
                assert!(range.contains(address.parse().expect(address)), "{address} is in {range}");
            }
            for address in outside {
                assert!(!range.contains(address.parse().expect(address)), "{address} is not in {range}");
            }
        }
        for text in [
            "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "10.0.0.0/+8", "10.0.0.0/8/8", "::/129",
            "::1/64", "::ffff:10.0.0.0/104", "localhost", "10.0.0.0/255.0.0.0", "fe80::1%eth0",
        ] {
            assert_eq!(text.parse::<AddressRange>(), Err(InvalidRange), "{text:?}");
        }
    }
}
