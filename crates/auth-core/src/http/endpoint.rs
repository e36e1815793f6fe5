//! The table of routes. Adapters loop over it; a new endpoint needs no change in them.

/// A route of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `POST /auth/login`
    Login,
    /// `POST /auth/refresh`
    Refresh,
    /// `POST /auth/logout`
    Logout,
    /// `GET /auth`: the single sign-on providers.
    Providers,
    /// `GET /users/me`
    Me,
    /// `GET /auth/sessions`: the user's own sessions.
    Sessions,
    /// `DELETE /auth/sessions`: ends all of them but the one that asks.
    EndOtherSessions,
    /// `DELETE /auth/sessions/{id}`: ends one of them.
    EndSession,
    /// `POST /users/me/tfa/generate`: a secret for an authenticator app.
    TfaGenerate,
    /// `POST /users/me/tfa/enable`: makes it the second factor.
    TfaEnable,
    /// `POST /users/me/tfa/disable`: removes the second factor.
    TfaDisable,
    /// `POST /users/me/tfa/recovery-codes`: a new set of recovery codes.
    TfaRecoveryCodes,
    /// `GET /auth/tokens`: the user's personal access tokens. These three are mounted with
    /// [`AuthConfig::personal_tokens`](crate::AuthConfig::personal_tokens).
    Tokens,
    /// `POST /auth/tokens`: makes one, and tells it once.
    CreateToken,
    /// `DELETE /auth/tokens/{id}`: revokes one of them.
    RevokeToken,
    /// `POST /auth/password/change`: by whoever is signed in and knows the current one.
    ChangePassword,
    /// `POST /auth/password/request`: a mail with a link. Mounted when there is a mailer.
    RequestReset,
    /// `POST /auth/password/reset`: sets a password by such a link. Mounted when there is a mailer.
    ResetPassword,
    /// `POST /users/register`. Not mounted unless asked for.
    Register,
    /// `GET /users/register/verify-email`: where the link of a registration leads. Not mounted unless asked for.
    VerifyEmail,
    /// `POST /users/invite`, for admins. Not mounted unless asked for.
    Invite,
    /// `POST /users/invite/accept`. Not mounted unless asked for.
    AcceptInvitation,
}

/// The methods that endpoints have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Answers HEAD too.
    Get,
    /// Changes state, by what the body says.
    Post,
    /// Removes what the path names.
    Delete,
}

impl Endpoint {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Login,
        Self::Refresh,
        Self::Logout,
        Self::Providers,
        Self::Me,
        Self::Sessions,
        Self::EndOtherSessions,
        Self::EndSession,
        Self::TfaGenerate,
        Self::TfaEnable,
        Self::TfaDisable,
        Self::TfaRecoveryCodes,
        Self::Tokens,
        Self::CreateToken,
        Self::RevokeToken,
        Self::ChangePassword,
        Self::RequestReset,
        Self::ResetPassword,
        Self::Register,
        Self::VerifyEmail,
        Self::Invite,
        Self::AcceptInvitation,
    ];

    /// Whether it is mounted only by [`AuthBuilder::with`](crate::AuthBuilder::with): these let new users in.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::Register | Self::VerifyEmail | Self::Invite | Self::AcceptInvitation)
    }

    /// Whether it is of no use without a [`Mailer`](crate::mail::Mailer).
    #[must_use]
    pub const fn needs_mailer(self) -> bool {
        self.is_optional() || matches!(self, Self::RequestReset | Self::ResetPassword)
    }

    /// Whether it is of no use without [`AuthConfig::personal_tokens`](crate::AuthConfig::personal_tokens).
    #[must_use]
    pub const fn needs_personal_tokens(self) -> bool {
        matches!(self, Self::Tokens | Self::CreateToken | Self::RevokeToken)
    }

    /// The path below the mount point; `{id}` stands for one segment, as axum and actix-web write it.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Login => "/auth/login",
            Self::Refresh => "/auth/refresh",
            Self::Logout => "/auth/logout",
            Self::Providers => "/auth",
            Self::Me => "/users/me",
            Self::Sessions | Self::EndOtherSessions => "/auth/sessions",
            Self::EndSession => "/auth/sessions/{id}",
            Self::TfaGenerate => "/users/me/tfa/generate",
            Self::TfaEnable => "/users/me/tfa/enable",
            Self::TfaDisable => "/users/me/tfa/disable",
            Self::TfaRecoveryCodes => "/users/me/tfa/recovery-codes",
            Self::Tokens | Self::CreateToken => "/auth/tokens",
            Self::RevokeToken => "/auth/tokens/{id}",
            Self::ChangePassword => "/auth/password/change",
            Self::RequestReset => "/auth/password/request",
            Self::ResetPassword => "/auth/password/reset",
            Self::Register => "/users/register",
            Self::VerifyEmail => "/users/register/verify-email",
            Self::Invite => "/users/invite",
            Self::AcceptInvitation => "/users/invite/accept",
        }
    }

    /// The method.
    #[must_use]
    pub const fn method(self) -> Method {
        match self {
            Self::Login
            | Self::Refresh
            | Self::Logout
            | Self::TfaGenerate
            | Self::TfaEnable
            | Self::TfaDisable
            | Self::TfaRecoveryCodes
            | Self::CreateToken
            | Self::ChangePassword
            | Self::RequestReset
            | Self::ResetPassword
            | Self::Register
            | Self::Invite
            | Self::AcceptInvitation => Method::Post,
            Self::Providers | Self::Me | Self::Sessions | Self::Tokens | Self::VerifyEmail => Method::Get,
            Self::EndOtherSessions | Self::EndSession | Self::RevokeToken => Method::Delete,
        }
    }
}

impl Method {
    /// Whether a request with this method means this one.
    pub(super) fn answers(self, method: &str) -> bool {
        match self {
            Self::Get => matches!(method, "GET" | "HEAD"),
            Self::Post => method == "POST",
            Self::Delete => method == "DELETE",
        }
    }

    /// As `Allow` lists it.
    const fn allow(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// A path with the endpoints behind it, one a method.
#[derive(Debug, Clone)]
pub struct Route {
    path: &'static str,
    endpoints: Vec<Endpoint>,
}

impl Route {
    /// The longest body that any auth route takes, in bytes (requirement G10).
    pub const BODY_LIMIT: usize = 16 * 1024;

    /// The path below the mount point. Mount it for every method: [`Auth::handle`](crate::Auth::handle) answers the
    /// wrong ones.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// The routes of these endpoints.
    pub(super) fn table(endpoints: &[Endpoint]) -> Vec<Self> {
        let mut routes: Vec<Self> = Vec::new();
        for endpoint in endpoints {
            match routes.iter_mut().find(|route| route.path == endpoint.path()) {
                Some(route) => route.endpoints.push(*endpoint),
                None => routes.push(Self { path: endpoint.path(), endpoints: vec![*endpoint] }),
            }
        }
        routes
    }

    pub(super) fn endpoint(&self, method: &str) -> Option<Endpoint> {
        self.endpoints.iter().copied().find(|endpoint| endpoint.method().answers(method))
    }

    /// The value of `Allow`.
    pub(super) fn allow(&self) -> String {
        let methods: Vec<_> = self.endpoints.iter().map(|endpoint| endpoint.method().allow()).collect();
        methods.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;
    use crate::mail::{MailError, Mailer, Message};
    use crate::store::memory::MemoryStore;
    use crate::{Auth, AuthBuilder, AuthConfig, PersonalTokens};

    #[derive(Debug)]
    struct NoMail;

    #[async_trait::async_trait]
    impl Mailer for NoMail {
        async fn send(&self, _: &Message) -> Result<(), MailError> {
            Ok(())
        }
    }

    fn config() -> AuthConfig {
        let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        config.hash_threads = 1;
        config.public_url = Some("https://auth.example.com".to_owned());
        config
    }

    fn with_tokens() -> AuthConfig {
        AuthConfig { personal_tokens: Some(PersonalTokens::default()), ..config() }
    }

    fn builder() -> AuthBuilder {
        Auth::builder(MemoryStore::new()).config(config())
    }

    fn mounted(builder: AuthBuilder) -> Vec<Endpoint> {
        let auth = builder.build().expect("a configuration");
        auth.routes().iter().flat_map(|route| route.endpoints.clone()).collect()
    }

    #[test]
    fn what_needs_a_mailer_is_mounted_with_one_and_what_lets_users_in_is_asked_for() {
        let without = mounted(builder());
        assert!(without.contains(&Endpoint::ChangePassword) && !without.iter().any(|endpoint| endpoint.needs_mailer()));
        let usual = |endpoint: &&Endpoint| !endpoint.is_optional() && !endpoint.needs_personal_tokens();
        let with = mounted(builder().mailer(NoMail));
        assert_eq!(with.len(), Endpoint::ALL.iter().filter(usual).count());
        let everything = builder().config(with_tokens()).mailer(NoMail);
        let all = mounted(everything.with(Endpoint::ALL).with(Endpoint::ALL));
        assert_eq!(all.len(), Endpoint::ALL.len(), "each once");
        assert_eq!(mounted(builder().with(&[Endpoint::Register]).only(&[Endpoint::Login])), [Endpoint::Login]);
    }

    #[test]
    fn what_is_missing_for_an_endpoint_is_named() {
        for endpoint in [Endpoint::ResetPassword, Endpoint::Register, Endpoint::Invite] {
            let error = builder().with(&[endpoint]).build().expect_err("no mailer");
            assert_eq!(error.field(), "mailer");
            assert!(error.to_string().contains(endpoint.path()), "{error}");
        }
        assert!(mounted(builder().config(with_tokens())).contains(&Endpoint::CreateToken));
        let error = builder().with(&[Endpoint::CreateToken]).build().expect_err("they are off");
        assert_eq!(error.field(), "personal_tokens");
        let elsewhere = builder().users(MemoryStore::new()).mailer(NoMail).with(&[Endpoint::Register]).build();
        assert_eq!(elsewhere.expect_err("users elsewhere").field(), "endpoints");
        assert!(builder().users(MemoryStore::new()).mailer(NoMail).build().is_ok());
        let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        config.hash_threads = 1;
        let error = builder().config(config).mailer(NoMail).build().expect_err("no URL");
        assert_eq!(error.field(), "public_url");
    }
}
