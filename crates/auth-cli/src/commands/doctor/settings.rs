//! Settings that a server starts with, and that are nevertheless none for production.

use std::path::Path;

use auth_core::{AddressRange, AuthConfig, CookieConfig, KeyAlgorithm, LoginThrottle, SameSite, TokenKey};

use super::Finding;
use crate::shell::Shell;

pub(super) fn look(config: &AuthConfig, shell: &Shell<'_>, findings: &mut Vec<Finding>) {
    cookies(config, findings);
    origins(config, findings);
    findings.push(proxies(config));
    if matches!(config.login_throttle, LoginThrottle::Off) {
        let remedy = "take LOGIN_THROTTLE=off out, unless something in front counts failed logins";
        findings.push(Finding::warning("throttle", "failed logins are not counted", remedy));
    }
    findings.push(keys(config));
    if config.mfa_keys.is_empty() {
        let remedy = "set MFA_KEYS (`openssl rand -base64 32`) before users set up second factors";
        let what = "second factors are sealed with a key of SECRET: a new SECRET locks out whoever has one";
        findings.push(Finding::warning("second factor", what, remedy));
    }
    let database = shell.var("DATABASE_URL").unwrap_or_default();
    let file = database.strip_prefix("sqlite:").map(|rest| rest.trim_start_matches("//"));
    if let Some(path) = file.and_then(|rest| rest.split('?').next()).filter(|path| is_open(Path::new(path))) {
        let what = format!("{path} (DATABASE_URL) can be read by others on this machine");
        findings.push(Finding::problem("database file", what, format!("chmod 600 {path}*")));
    }
    for variable in ["SIGNING_KEYS", "MFA_KEYS"] {
        let value = shell.var(variable).unwrap_or_default();
        for path in value.split(',').filter_map(|entry| entry.trim().strip_prefix("file:")) {
            if is_open(Path::new(path)) {
                let what = format!("{path} ({variable}) can be read by others on this machine");
                findings.push(Finding::problem("key files", what, format!("chmod 600 {path}")));
            }
        }
    }
}

fn cookies(config: &AuthConfig, findings: &mut Vec<Finding>) {
    const SUBJECT: &str = "cookies";
    let all = [&config.refresh_cookie, &config.session_cookie, &config.device_cookie];
    let names = |has: &dyn Fn(&CookieConfig) -> bool| {
        all.iter().filter(|cookie| has(cookie)).map(|cookie| cookie.name.clone()).collect::<Vec<_>>().join(", ")
    };
    let before = findings.len();
    let insecure = names(&|cookie| !cookie.secure);
    if !insecure.is_empty() {
        let what = format!("{insecure}: sent without https too, so that anybody on the network can take them");
        findings.push(Finding::problem(SUBJECT, what, "turn *_COOKIE_SECURE on, which works on localhost as well"));
    } else if config.danger_insecure_cookies {
        let what = "DANGER_INSECURE_COOKIES is set, and no cookie needs it";
        findings.push(Finding::warning(SUBJECT, what, "take it out"));
    }
    let everywhere = names(&|cookie| cookie.same_site == SameSite::None);
    if !everywhere.is_empty() {
        let what = format!("{everywhere}: requests of all sites carry them (SameSite=None)");
        findings.push(Finding::warning(SUBJECT, what, "lax is enough unless pages of other sites use this server"));
    }
    let shared = names(&|cookie| cookie.domain.is_some());
    if !shared.is_empty() {
        let what = format!("{shared}: every host below the domain can set and read them");
        findings.push(Finding::warning(SUBJECT, what, "take *_COOKIE_DOMAIN out unless several hosts need them"));
    }
    if config.public_url.as_deref().is_some_and(is_plain) && insecure.is_empty() {
        let what = "PUBLIC_URL has http, and browsers send no Secure cookie there, but to localhost";
        findings.push(Finding::problem(SUBJECT, what, "serve it by https, and write so in PUBLIC_URL"));
    }
    if findings.len() == before {
        findings.push(Finding::good(SUBJECT, "Secure, for this host alone, and not for other sites"));
    }
}

fn origins(config: &AuthConfig, findings: &mut Vec<Finding>) {
    for origin in config.allowed_origins.iter().filter(|origin| is_plain(origin)) {
        let what = format!("pages of {origin} may use our cookies, and anybody on the network can change such pages");
        findings.push(Finding::warning("origins", what, "allow https alone"));
    }
}

/// By http, and not to this machine.
fn is_plain(url: &str) -> bool {
    let host = url.strip_prefix("http://").map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
    host.is_some_and(|host| !matches!(host, "localhost" | "127.0.0.1" | "[") && !host.ends_with(".localhost"))
}

fn proxies(config: &AuthConfig) -> Finding {
    const SUBJECT: &str = "proxies";
    /// Nobody's own network is larger.
    const WIDEST: [u8; 2] = [8, 16];
    let is_wide = |range: &&AddressRange| {
        let text = range.to_string();
        let (address, prefix) = text.split_once('/').unwrap_or((&text, "128"));
        let [v4, v6] = WIDEST;
        prefix.parse::<u8>().is_ok_and(|prefix| prefix < if address.contains(':') { v6 } else { v4 })
    };
    if let Some(wide) = config.trusted_proxies.iter().find(is_wide) {
        let what = format!(
            "TRUSTED_PROXIES has {wide}: clients in it make up their addresses, and limits by address are none"
        );
        return Finding::problem(SUBJECT, what, "name the addresses of the proxies alone");
    }
    if config.trusted_proxies.is_empty() && config.public_url.is_some() {
        let what =
            "PUBLIC_URL is set and no proxy is trusted: behind one, all clients have one address, and share its limits";
        return Finding::warning(SUBJECT, what, "with a proxy in front, name it in TRUSTED_PROXIES");
    }
    Finding::good(
        SUBJECT,
        match config.trusted_proxies.len() {
            0 => "none is trusted: the address of a client is that of its connection".to_owned(),
            count => format!("{count} ranges are trusted"),
        },
    )
}

fn keys(config: &AuthConfig) -> Finding {
    const SUBJECT: &str = "signing keys";
    let Some(ring) = &config.signing_keys else {
        return Finding::good(SUBJECT, "SECRET signs access tokens (HS256): only who has it can check them");
    };
    let what = ring.signing().map_or_else(
        || "none signs".to_owned(),
        |key| {
            format!(
                "{} signs ({}), {} more verify",
                key.kid().unwrap_or("SECRET"),
                key.algorithm().name(),
                ring.keys().len() - 1
            )
        },
    );
    let old_secret = ring.keys().iter().any(|key| key.algorithm() == KeyAlgorithm::Hs256);
    if ring.signing().is_some_and(|key| key.algorithm() != KeyAlgorithm::Hs256) && old_secret {
        let remedy = "take SECRET out of SIGNING_KEYS when the last token of it has expired";
        return Finding::warning(SUBJECT, format!("{what}; tokens signed with SECRET count as well"), remedy);
    }
    debug_assert!(ring.signing().is_none_or(TokenKey::can_sign), "the core checked that");
    Finding::good(SUBJECT, what)
}

#[cfg(unix)]
fn is_open(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
const fn is_open(_: &Path) -> bool {
    false
}
