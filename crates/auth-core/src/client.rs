//! Who is at the other end.

use std::net::IpAddr;

/// Where a request comes from, for the list of sessions and for the audit trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientInfo {
    /// The client's address: that of the socket's peer, or what a trusted proxy says. Over IPv6 it may be a mapped IPv4
    /// address.
    pub ip: Option<IpAddr>,
    /// The `User-Agent`, at most 255 bytes of it.
    pub user_agent: Option<String>,
}

impl ClientInfo {
    /// The longest user agent kept, in bytes.
    pub const MAX_USER_AGENT: usize = 255;

    /// Keeps at most [`Self::MAX_USER_AGENT`] bytes of `user_agent`, without control characters.
    #[must_use]
    pub fn new(ip: Option<IpAddr>, user_agent: Option<&str>) -> Self {
        let user_agent = user_agent.map(|text| {
            let end = text.floor_char_boundary(Self::MAX_USER_AGENT);
            text.get(..end).unwrap_or_default().chars().filter(|c| !c.is_control()).collect()
        });
        Self { ip, user_agent }
    }
}
