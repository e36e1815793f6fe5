//! The client's address (requirement G7): that of the socket, unless our own proxy is at the other end of it. Then the
//! proxy's word counts, and only as far as proxies of ours vouch for it.
//!
//! ```text
//!   X-Forwarded-For: 6.6.6.6, 198.51.100.7, 10.0.0.2          peer 10.0.0.1       trusted 10.0.0.0/8
//!                    ▲        ▲             ▲                      ▲
//!                    │        │             └── trusted ───────────┴── read from the right
//!                    │        └── the first that is not ours: the client
//!                    └── whatever the client wrote: never read
//! ```

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::head::RequestHead;
use crate::client::ClientInfo;
use crate::config::AddressRange;

/// Finds out who is at the other end.
#[derive(Debug)]
pub(super) struct Clients {
    proxies: Vec<AddressRange>,
}

impl Clients {
    pub(super) fn new(proxies: &[AddressRange]) -> Self {
        Self { proxies: proxies.to_vec() }
    }

    pub(super) fn of(&self, head: &RequestHead<'_>) -> ClientInfo {
        let user_agent = head.single("user-agent").one().and_then(|line| std::str::from_utf8(line).ok());
        ClientInfo::new(self.address(head), user_agent)
    }

    fn address(&self, head: &RequestHead<'_>) -> Option<IpAddr> {
        let peer = head.peer?.to_canonical();
        if !self.trusts(peer) {
            return Some(peer);
        }
        let through = |name, read: fn(&[u8]) -> Option<IpAddr>| {
            let mut hops = Vec::new();
            head.each(name, &mut |line| hops.extend(line.split(|byte| *byte == b',')));
            (!hops.is_empty()).then(|| self.last_foreign_hop(peer, hops.into_iter().rev().map(read)))
        };
        Some(match (through("x-forwarded-for", plain_hop), through("forwarded", forwarded_hop)) {
            (Some(one), None) | (None, Some(one)) => one,
            (Some(one), Some(other)) if one == other => one,
            // Our proxies write one of the two; the client may have written the other. Which is not known here.
            (Some(_), Some(_)) | (None, None) => peer,
        })
    }

    /// From the nearest hop on: the first that is not ours. What cannot be read ends the search, and the hop before it
    /// counts, which one of ours named.
    fn last_foreign_hop(&self, peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut last = peer;
        for hop in hops {
            let Some(hop) = hop else { break };
            last = hop;
            if !self.trusts(hop) {
                break;
            }
        }
        last
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|range| range.contains(address))
    }
}

/// An element of `X-Forwarded-For`: an address, with a port or without.
fn plain_hop(element: &[u8]) -> Option<IpAddr> {
    node(std::str::from_utf8(element).ok()?.trim_matches([' ', '\t']))
}

/// An element of `Forwarded` (RFC 7239 4): its `for`. Quoted commas and semicolons are no part of an address, so they
/// need not be told from others, and an open quote further left cannot swallow what a proxy added.
fn forwarded_hop(element: &[u8]) -> Option<IpAddr> {
    let element = std::str::from_utf8(element).ok()?;
    let mut found = None;
    for parameter in element.split(';') {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        if !name.trim_matches([' ', '\t']).eq_ignore_ascii_case("for") {
            continue;
        }
        let value = value.trim_matches([' ', '\t']);
        let value = value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'))?;
        // Twice is once too often.
        if found.replace(value).is_some() {
            return None;
        }
    }
    node(found?)
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn node(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    // A zone is of one link, and says nothing here.
    let address = text.parse().ok().or_else(bracketed).or_else(with_port).filter(|_| !text.contains('%'))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::super::head::TestLines;
    use super::*;

    fn client(peer: &str, headers: &[(&str, &str)]) -> String {
        let proxies = ["10.0.0.0/8", "fd00::/8"].map(|range| range.parse().expect("a range"));
        let lines: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let lines = TestLines(&lines);
        let head = RequestHead { peer: peer.parse().ok(), ..RequestHead::test("GET", None, &lines) };
        Clients::new(&proxies).of(&head).ip.map_or_else(|| "none".to_owned(), |ip| ip.to_string())
    }

    #[test]
    fn g7_the_rightmost_hop_that_is_not_ours_is_the_client() {
        for (peer, line, expected) in [
            // Nobody's word counts but that of our proxies.
            ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
            ("198.51.100.7", "10.0.0.9", "198.51.100.7"),
            ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
            ("10.0.0.1", "10.6.6.6, 203.0.113.9, 10.0.0.2, 10.0.0.3", "203.0.113.9"),
            // All of them ours: the farthest.
            ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
            // Unreadable: whoever was named last.
            ("10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.9, rubbish, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "203.0.113.9, 10.0.0.2, ", "10.0.0.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.9 10.0.0.2", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.09", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.9:99999", "10.0.0.1"),
            ("10.0.0.1", "fe80::1%1", "10.0.0.1"),
            ("10.0.0.1", "[203.0.113.9]", "10.0.0.1"),
            // Ports, brackets, IPv6.
            ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
            ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
            ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
            ("10.0.0.1", "[2001:db8::1]:443 , [fd00::2]:80", "2001:db8::1"),
            ("fd00::1", "203.0.113.9", "203.0.113.9"),
            // IPv4 inside IPv6 is IPv4: as a peer, as a proxy, as a client.
            ("::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "203.0.113.9, ::ffff:10.0.0.2", "203.0.113.9"),
            ("::ffff:198.51.100.7", "203.0.113.9", "198.51.100.7"),
            ("", "203.0.113.9", "none"),
        ] {
            assert_eq!(client(peer, &[("x-forwarded-for", line)]), expected, "{line:?} from {peer}");
        }
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        let lines = [("x-forwarded-for", "6.6.6.6, 203.0.113.9"), ("x-forwarded-for", "10.0.0.2")];
        assert_eq!(client("10.0.0.1", &lines), "203.0.113.9", "several lines are one list");
    }

    #[test]
    fn g7_forwarded_is_read_as_rfc_7239_writes_it() {
        for (line, expected) in [
            ("for=203.0.113.9", "203.0.113.9"),
            ("for=6.6.6.6, For=203.0.113.9;proto=https;by=10.0.0.1", "203.0.113.9"),
            ("proto=http; FOR=\"203.0.113.9:4711\"", "203.0.113.9"),
            ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=203.0.113.9, for=10.0.0.2", "203.0.113.9"),
            // An open quote of the client's swallows nothing.
            ("for=\"6.6.6.6, for=203.0.113.9", "203.0.113.9"),
            ("for=unknown", "10.0.0.1"),
            ("for=_hidden, for=10.0.0.2", "10.0.0.2"),
            ("for=\"203.0.113.9", "10.0.0.1"),
            ("for=203.0.113.9;for=6.6.6.6", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
            ("203.0.113.9", "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", &[("forwarded", line)]), expected, "{line:?}");
        }
    }

    #[test]
    fn g7_two_headers_that_differ_are_none() {
        let both = |plain, forwarded| client("10.0.0.1", &[("x-forwarded-for", plain), ("forwarded", forwarded)]);
        assert_eq!(both("203.0.113.9", "for=203.0.113.9"), "203.0.113.9");
        assert_eq!(both("6.6.6.6, 203.0.113.9", "for=7.7.7.7, for=203.0.113.9"), "203.0.113.9");
        assert_eq!(both("203.0.113.9", "for=6.6.6.6"), "10.0.0.1");
        assert_eq!(both("6.6.6.6", "for=203.0.113.9"), "10.0.0.1");
    }
}
