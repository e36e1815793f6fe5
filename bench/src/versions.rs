//! Which versions are measured, from the lock files that they were built with.

const OURS: &str = include_str!("../../Cargo.lock");
const PEERS: &str = include_str!("../peers/Cargo.lock");

/// `name` with its version in our workspace.
pub(crate) fn ours(name: &str) -> String {
    named(OURS, name)
}

/// `name` with its version in the workspace of the peers.
pub(crate) fn peer(name: &str) -> String {
    named(PEERS, name)
}

/// The newest, where there are several: a lock file has them in order.
fn named(lock: &str, name: &str) -> String {
    let package = format!("name = \"{name}\"\nversion = \"");
    match lock.rsplit_once(&package).and_then(|(_, rest)| rest.split_once('"')) {
        Some((version, _)) => format!("{name} {version}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_that_the_table_names_has_a_version() {
        for name in [ours("axum"), ours("actix-web"), ours("auth-axum"), ours("auth-actix-web")] {
            assert!(name.contains(' '), "{name}");
        }
        for name in ["axum", "axum-login", "tower-sessions", "axum-jwt-auth", "actix-web-httpauth", "jsonwebtoken"] {
            assert!(peer(name).contains(' '), "{name}");
        }
    }

    #[test]
    fn the_peers_run_on_our_versions_of_the_frameworks() {
        for name in ["axum", "hyper", "tokio", "actix-web", "actix-http"] {
            assert_eq!(ours(name), peer(name));
        }
    }
}
