use async_trait::async_trait;

use super::*;
use crate::clock::Timestamp;
use crate::config::AuthConfig;
use crate::hooks::{OpaqueTokens, ResolvedToken};
use crate::http::head::TestLines;
use crate::id::{Role, UserId};
use crate::store::memory::MemoryStore;
use crate::store::{StoreError, StoreErrorKind, UserRecord, UserStatus};
use crate::token::TokenScopes;

/// Tokens that say what they are: `static`, `read`, `expired`, `suspended`, `down`.
#[derive(Debug)]
struct Named;

#[async_trait]
impl OpaqueTokens for Named {
    async fn resolve(&self, token: &OpaqueToken, now: Timestamp) -> Result<Option<ResolvedToken>, StoreError> {
        let name = token.expose_secret();
        if name == "down" {
            return Err(StoreErrorKind::Unavailable.into());
        }
        if !["static", "read", "expired", "suspended"].contains(&name) {
            return Ok(None);
        }
        Ok(Some(ResolvedToken {
            user: UserRecord {
                id: UserId::new("ada").expect("an id"),
                email: "ada@example.com".to_owned(),
                password: None,
                status: if name == "suspended" { UserStatus::Suspended } else { UserStatus::Active },
                role: Role::new("editor").ok(),
                app_access: true,
                admin_access: false,
                epoch: None,
            },
            has_factor: false,
            scopes: (name == "read").then(|| TokenScopes::new(["notes:read"]).expect("a scope")),
            issued_at: None,
            expires_at: (name == "expired").then_some(now),
        }))
    }
}

fn auth(change: impl FnOnce(&mut AuthConfig)) -> Auth {
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    config.hash_threads = 1;
    change(&mut config);
    Auth::builder(MemoryStore::new()).config(config).opaque_tokens(Named).build().expect("a configuration")
}

async fn pass(guard: &Guard, query: Option<&str>, header: &str) -> Result<Passage, u16> {
    let line: &[(&str, &[u8])] = &[("authorization", header.as_bytes())];
    let lines = TestLines(if header.is_empty() { &[] } else { line });
    guard.decide(&RequestHead::test("GET", query, &lines)).await.map_err(|reply| reply.status())
}

#[tokio::test]
async fn a_token_that_the_app_knows_stands_for_its_user_as_of_now() {
    let auth = auth(|_| ());
    let guard = auth.guard().role("editor");
    for (query, header) in [(None, "Bearer static"), (Some("access_token=static&x=1"), "")] {
        let passage = pass(&guard, query, header).await.expect("is let in");
        let identity = passage.checked.require().expect("somebody").clone();
        assert_eq!((identity.user().as_str(), identity.is_login(), identity.aal()), ("ada", false, 0));
        assert_eq!((identity.auth_time(), identity.expires_at(), identity.session()), (None, None, None));
        assert_eq!(passage.stripped.and_then(|stripped| stripped.query).as_deref(), query.map(|_| "x=1"));
        assert_eq!(passage.response_headers.is_empty(), query.is_none(), "nobody keeps the answer to a query token");
        let refused = auth.sessions(&identity).await.expect_err("no login");
        assert_eq!(refused.kind(), ErrorKind::LoginRequired);
    }
    let long = format!("Bearer {}", "a".repeat(256));
    for (header, status) in [
        ("Bearer expired", 401),
        ("Bearer suspended", 401),
        ("Bearer unknown", 401),
        ("Bearer a.b.c", 401),
        (&long, 401),
        ("Bearer down", 503),
    ] {
        assert_eq!(pass(&guard, None, header).await.err(), Some(status), "{header}");
    }
    assert_eq!(pass(&guard, Some("access_token=%00static"), "").await.err(), Some(401), "is not looked up");
}

#[tokio::test]
async fn a_token_meets_no_demand_for_a_login_and_a_limited_one_only_those_for_its_scopes() {
    let auth = auth(|_| ());
    for (guard, unlimited, limited) in [
        (auth.guard(), None, Some(403)),
        (auth.guard().optional(), None, Some(403)),
        (auth.guard().any_scope(), None, None),
        (auth.guard().scope("notes:read"), None, None),
        (auth.guard().scope("notes:write"), None, Some(403)),
        (auth.guard().scope("notes:read").scope("notes:write"), None, Some(403)),
        (auth.guard().scope("notes:read").role("chief"), Some(403), Some(403)),
        (auth.guard().any_scope().login_only(), Some(403), Some(403)),
        (auth.guard().any_scope().mfa(), Some(403), Some(403)),
        (auth.guard().any_scope().fresh(Duration::from_secs(u64::MAX)), Some(403), Some(403)),
        (auth.guard().scope("notes:read").headers_only(), None, None),
    ] {
        assert_eq!(pass(&guard, None, "Bearer static").await.err(), unlimited, "{guard:?}");
        assert_eq!(pass(&guard, None, "Bearer read").await.err(), limited, "{guard:?}");
    }
}

#[tokio::test]
async fn m5_a_token_is_no_way_around_the_second_factor_that_its_user_must_set_up() {
    let auth = auth(|config| config.mfa_required = crate::MfaRequired::Everybody);
    assert_eq!(pass(&auth.guard(), None, "Bearer static").await.err(), Some(403));
}
