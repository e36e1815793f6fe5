//! How many guesses are allowed before somebody has to wait.

use std::str::FromStr;

use super::ConfigError;

/// Whether and when failed logins have to wait (requirements G1 to G3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginThrottle {
    /// Within these limits.
    Limits(ThrottleLimits),
    /// Never. Something before this server must limit guessing then.
    Off,
}

/// How many failures cost no wait. After that each one doubles it, from one second to a quarter of an hour.
///
/// Attempts count before they are decided, so these are also the most that may be under way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThrottleLimits {
    /// In a row, for one account, or for one known device: 1 to 100. Default 5. A login forgets them. After 100 in a row
    /// only a known device, a new password, or 30 days without an attempt open the account again (NIST SP 800-63B-4
    /// 3.2.2).
    pub account: u32,
    /// From one address, whatever the account: an IPv4 address, or the /64 of an IPv6 one. 1 to 1,000,000. Default 50.
    /// One is forgotten every minute, and a login forgets none. Known devices do not wait for others at their address.
    pub address: u32,
}

impl Default for ThrottleLimits {
    fn default() -> Self {
        Self { account: 5, address: 50 }
    }
}

impl Default for LoginThrottle {
    fn default() -> Self {
        Self::Limits(ThrottleLimits::default())
    }
}

impl LoginThrottle {
    pub(super) fn check(self) -> Result<(), ConfigError> {
        let Self::Limits(limits) = self else { return Ok(()) };
        for (field, value, most) in [("account", limits.account, 100), ("address", limits.address, 1_000_000)] {
            if value < 1 || value > most {
                let problem = format!("is {value}: set it from 1 to {most}, or turn the throttle off");
                return Err(ConfigError::new(format!("login_throttle.{field}"), problem));
            }
        }
        Ok(())
    }
}

/// `off`, `on`, or limits such as `account=5,address=50`; one that is not named keeps its default.
impl FromStr for LoginThrottle {
    type Err = UnreadableThrottle;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "off" => return Ok(Self::Off),
            "on" => return Ok(Self::default()),
            _ => {}
        }
        let mut limits = ThrottleLimits::default();
        let mut named = Vec::new();
        for part in text.split(',') {
            let (name, value) = part.split_once('=').ok_or(UnreadableThrottle)?;
            let name = name.trim();
            let limit = match name {
                "account" => &mut limits.account,
                "address" => &mut limits.address,
                _ => return Err(UnreadableThrottle),
            };
            if named.contains(&name) {
                return Err(UnreadableThrottle);
            }
            named.push(name);
            *limit = value.trim().parse().map_err(|_| UnreadableThrottle)?;
        }
        Ok(Self::Limits(limits))
    }
}

/// Text that names no limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write `off`, or limits such as `account=5,address=50`")]
pub struct UnreadableThrottle;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_exactly() {
        let limits = |account, address| Ok(LoginThrottle::Limits(ThrottleLimits { account, address }));
        for (text, expected) in [
            ("off", Ok(LoginThrottle::Off)),
            (" on ", limits(5, 50)),
            ("account=3", limits(3, 50)),
            ("address=1000", limits(5, 1000)),
            ("address = 20, account = 10", limits(10, 20)),
            ("Off", Err(UnreadableThrottle)),
            ("5", Err(UnreadableThrottle)),
            ("account=5,", Err(UnreadableThrottle)),
            ("account=5,account=6", Err(UnreadableThrottle)),
            ("account=-1", Err(UnreadableThrottle)),
            ("account=off", Err(UnreadableThrottle)),
            ("acount=5", Err(UnreadableThrottle)),
        ] {
            assert_eq!(text.parse(), expected, "{text:?}");
        }
    }
}
