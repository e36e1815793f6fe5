//! What an app says of its users in tokens.

use std::collections::BTreeMap;

use auth_core::store::UserRecord;
use auth_core::{AccessToken, Identity, NewPersonalToken, OpaqueToken, PersonalTokens, Role, SessionToken, TokenName};
use serde_json::{Map, Value, json};

use super::*;

/// An `Auth` whose hook says these claims of everybody.
fn with_claims(store: &MemoryStore, claims: &Value) -> Auth {
    let claims = claims.as_object().cloned().expect("an object");
    let mut config = config();
    config.hash_threads = 1;
    config.personal_tokens = Some(PersonalTokens::default());
    let hook = move |_: &UserRecord| -> Map<String, Value> { claims.clone() };
    Auth::builder(store.clone()).config(config).claims(hook).build().expect("a configuration")
}

/// A token of each kind, of one user, who has a role.
struct OfEachKind {
    user: UserId,
    access: AccessToken,
    session: SessionToken,
    opaque: OpaqueToken,
}

impl OfEachKind {
    async fn made_by(auth: &Auth) -> Self {
        let nobody = ClientInfo::default();
        let mut user = NewUser::new(email(), Password::new(PASSWORD));
        user.role = Some(Role::new("editor").expect("a role"));
        let user = auth.create_user(user).await.expect("a user");
        let tokens = auth.open_session(&user, SessionMode::Json, &nobody).await.expect("a session");
        let Grant::Pair { access, .. } = tokens.grant else { panic!("a pair") };
        let tokens = auth.open_session(&user, SessionMode::Session, &nobody).await.expect("a session");
        let Grant::Session(session) = tokens.grant else { panic!("a session token") };
        let login = auth.verify(access.expose_secret()).expect("good");
        let request = NewPersonalToken::new(TokenName::new("CI").expect("a name"));
        let (_, opaque) = auth.create_personal_token(&login, request, &nobody).await.expect("is made");
        Self { user, access, session, opaque }
    }

    /// What `auth` makes of them.
    async fn identities(&self, auth: &Auth) -> [(&'static str, Result<Identity, ErrorKind>); 3] {
        let looked_up = auth.verify_opaque(&self.opaque, &ClientInfo::default()).await;
        [
            ("access token", auth.verify(self.access.expose_secret())),
            ("session cookie", auth.verify_session(&self.session).await),
            ("opaque token", looked_up),
        ]
        .map(|(kind, verified)| (kind, verified.map_err(|error| error.kind())))
    }
}

#[tokio::test]
async fn j7_an_app_reads_the_same_claims_from_every_kind_of_token() {
    let nested = json!({ "tenant": "acme", "more": [1.5, { "a": null }] });
    let acme = BTreeMap::from([("tenant".to_owned(), "acme".to_owned())]);
    // What the hook says, and what comes of it as it is, and as a type that has no room for claims of ours.
    for (said, whole, texts) in [
        (json!({}), None, None),
        (json!({ "tenant": "acme" }), Some(json!({ "tenant": "acme" })), Some(acme)),
        (json!({ "tenant": 7 }), Some(json!({ "tenant": 7 })), None),
        (nested.clone(), Some(nested), None),
    ] {
        let auth = with_claims(&MemoryStore::new(), &said);
        for (kind, identity) in OfEachKind::made_by(&auth).await.identities(&auth).await {
            let identity = identity.expect(kind);
            assert_eq!(identity.role().map(Role::as_str), Some("editor"), "{kind}");
            assert_eq!(identity.claims::<Value>(), whole, "{kind}: {said}");
            assert_eq!(identity.claims::<BTreeMap<String, String>>(), texts, "{kind}: {said}");
        }
    }
}

#[tokio::test]
async fn j7_the_claims_hook_cannot_set_ours_for_any_kind_of_token() {
    let store = MemoryStore::new();
    let held = OfEachKind::made_by(&with_claims(&store, &json!({}))).await;
    for claim in ["id", "role", "admin_access", "exp", "iss", "session", "scope", "sub", "ep"] {
        let auth = with_claims(&store, &json!({ (claim): "acme" }));
        for mode in [SessionMode::Json, SessionMode::Cookie, SessionMode::Session] {
            let error = auth.open_session(&held.user, mode, &ClientInfo::default()).await.expect_err(claim);
            assert_eq!(error.kind(), ErrorKind::Internal, "{claim}: {mode:?}");
        }
        // They were made before the hook went wrong: a JWT says what it said, for the others the hook is asked.
        let [access, session, opaque] = held.identities(&auth).await.map(|(_, verified)| verified.map(drop));
        assert_eq!((access, session), (Ok(()), Err(ErrorKind::Internal)), "{claim}");
        assert_eq!(opaque, Err(ErrorKind::Internal), "{claim}");
    }
}
