//! The table of routes. Adapters loop over it; a new endpoint needs no change in them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::dialect::Dialect;
use super::file::File;
use super::head::RequestHead;

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
    /// `GET /auth/jwks`: the public keys of access tokens, for services that check them.
    Jwks,
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
    /// `GET /users`, for admins: a page of users. This and the next five are not mounted unless asked for.
    Users,
    /// `POST /users`, for admins: makes one.
    CreateUser,
    /// `GET /users/{id}`, for admins.
    User,
    /// `PATCH /users/{id}`, for admins: changes address, role, status or access.
    UpdateUser,
    /// `DELETE /users/{id}`, for admins: removes a user.
    DeleteUser,
    /// `POST /users/{id}/invite`, for admins: another mail to somebody who is invited. Not mounted unless asked for.
    InviteAgain,
    /// `POST /users/{id}/tfa/disable`, for admins: removes the second factor of a user who lost it.
    ResetUserFactor,
    /// `GET /auth/health`: whether the store answers, for probes. Not mounted unless asked for.
    Health,
    /// `GET /auth/events`, for admins: the audit trail. Not mounted unless asked for, and there is an
    /// [`audit_trail`](crate::AuthConfig::audit_trail).
    Events,
    /// `GET /auth/openapi.json`: the description of the routes that are mounted. Not mounted unless asked for.
    #[cfg(feature = "openapi")]
    OpenApi,
}

/// The methods that endpoints have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Answers HEAD too.
    Get,
    /// Changes state, by what the body says.
    Post,
    /// Changes what the path names, as the body says.
    Patch,
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
        Self::Jwks,
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
        Self::Users,
        Self::CreateUser,
        Self::User,
        Self::UpdateUser,
        Self::DeleteUser,
        Self::InviteAgain,
        Self::ResetUserFactor,
        Self::Events,
        Self::Health,
        #[cfg(feature = "openapi")]
        Self::OpenApi,
    ];

    /// Whether it is mounted only when it is asked for by name ([`AuthBuilder::with`](crate::AuthBuilder::with),
    /// [`AuthBuilder::only`](crate::AuthBuilder::only)): those that let new users in, those of admins, and those that come
    /// with a feature, since a feature must not change what an app serves.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        #[cfg(feature = "openapi")]
        if matches!(self, Self::OpenApi) {
            return true;
        }
        self.needs_directory() || matches!(self, Self::Events | Self::Health)
    }

    /// Whether it works on users in our own store, and on no others: of no use with
    /// [`AuthBuilder::users`](crate::AuthBuilder::users).
    #[must_use]
    pub const fn needs_directory(self) -> bool {
        self.lets_users_in()
            || matches!(
                self,
                Self::Users
                    | Self::CreateUser
                    | Self::User
                    | Self::UpdateUser
                    | Self::DeleteUser
                    | Self::InviteAgain
                    | Self::ResetUserFactor
            )
    }

    /// Whether it makes users, in our own store.
    const fn lets_users_in(self) -> bool {
        matches!(self, Self::Register | Self::VerifyEmail | Self::Invite | Self::AcceptInvitation)
    }

    /// Whether it is of no use without a [`Mailer`](crate::mail::Mailer).
    #[must_use]
    pub const fn needs_mailer(self) -> bool {
        self.lets_users_in() || matches!(self, Self::RequestReset | Self::ResetPassword | Self::InviteAgain)
    }

    /// Whether it sends invitations, when there is a [`Mailer`](crate::mail::Mailer).
    pub(crate) const fn invites(self) -> bool {
        matches!(self, Self::Invite | Self::CreateUser | Self::InviteAgain)
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
            Self::Jwks => "/auth/jwks",
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
            Self::Users | Self::CreateUser => "/users",
            Self::User | Self::UpdateUser | Self::DeleteUser => "/users/{id}",
            Self::InviteAgain => "/users/{id}/invite",
            Self::ResetUserFactor => "/users/{id}/tfa/disable",
            Self::Events => "/auth/events",
            Self::Health => "/auth/health",
            #[cfg(feature = "openapi")]
            Self::OpenApi => "/auth/openapi.json",
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
            | Self::AcceptInvitation
            | Self::CreateUser
            | Self::InviteAgain
            | Self::ResetUserFactor => Method::Post,
            Self::Providers
            | Self::Jwks
            | Self::Me
            | Self::Sessions
            | Self::Tokens
            | Self::VerifyEmail
            | Self::Users
            | Self::User
            | Self::Events
            | Self::Health => Method::Get,
            Self::UpdateUser => Method::Patch,
            Self::EndOtherSessions | Self::EndSession | Self::RevokeToken | Self::DeleteUser => Method::Delete,
            #[cfg(feature = "openapi")]
            Self::OpenApi => Method::Get,
        }
    }
}

impl Method {
    /// Whether a request with this method means this one.
    pub(super) fn answers(self, method: &str) -> bool {
        match self {
            Self::Get => matches!(method, "GET" | "HEAD"),
            Self::Post => method == "POST",
            Self::Patch => method == "PATCH",
            Self::Delete => method == "DELETE",
        }
    }

    /// As `Allow` lists it.
    const fn allow(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A path, and what is behind it; or several, where a page is made of files.
#[derive(Debug, Clone)]
pub struct Route {
    path: Cow<'static, str>,
    behind: Behind,
}

#[derive(Clone)]
enum Behind {
    /// One a method.
    Endpoints(Vec<Endpoint>),
    /// For POST alone (requirement C8).
    Dialect(Arc<dyn Dialect>),
    /// To be read, each at its own path.
    Files(Arc<[File]>),
}

/// What a request to a route is for.
pub(super) enum Target<'a> {
    Endpoint(Endpoint),
    Dialect(&'a dyn Dialect),
    /// The one at the path, if there is one.
    File(Option<&'a File>),
}

impl Route {
    /// The longest body that any auth route takes, in bytes (requirement G10).
    pub const BODY_LIMIT: usize = 16 * 1024;

    /// The path below the mount point; of several, the first.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// All paths below the mount point. Mount each for every method: [`Auth::handle`](crate::Auth::handle) answers the
    /// wrong ones.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let (one, files) = match &self.behind {
            Behind::Endpoints(_) | Behind::Dialect(_) => (Some(self.path()), None),
            Behind::Files(files) => (None, Some(files)),
        };
        one.into_iter().chain(files.into_iter().flat_map(|files| files.iter().map(File::path)))
    }

    /// Another language at a path of its own. Adapters mount it as they mount [`Auth::routes`](crate::Auth::routes).
    pub fn new(path: impl Into<Cow<'static, str>>, dialect: impl Dialect) -> Self {
        Self { path: path.into(), behind: Behind::Dialect(Arc::new(dialect)) }
    }

    /// A page: files to be read by everybody, whose first is the page itself. Adapters mount it as they mount
    /// [`Auth::routes`](crate::Auth::routes). No two may end alike: `/a/app.js` and `/app.js` do.
    pub fn files(files: impl IntoIterator<Item = File>) -> Self {
        let files: Arc<[File]> = files.into_iter().collect();
        let path = files.first().map_or_else(|| "/".to_owned(), |file| file.path().to_owned());
        Self { path: path.into(), behind: Behind::Files(files) }
    }

    /// The routes of these endpoints.
    pub(super) fn table(endpoints: &[Endpoint]) -> Vec<Self> {
        let mut paths: Vec<(&'static str, Vec<Endpoint>)> = Vec::new();
        for endpoint in endpoints {
            match paths.iter_mut().find(|(path, _)| *path == endpoint.path()) {
                Some((_, endpoints)) => endpoints.push(*endpoint),
                None => paths.push((endpoint.path(), vec![*endpoint])),
            }
        }
        // actix-web takes the first path that fits: `/users/me` is nobody's id.
        paths.sort_by_key(|(path, _)| path.contains('{'));
        let route = |(path, endpoints)| Self { path: Cow::Borrowed(path), behind: Behind::Endpoints(endpoints) };
        paths.into_iter().map(route).collect()
    }

    /// What a request is for; `None` when its method is not one of [`allow`](Self::allow).
    pub(super) fn target(&self, head: &RequestHead<'_>) -> Option<Target<'_>> {
        let method = head.method;
        match &self.behind {
            Behind::Endpoints(_) => {
                let mut endpoints = self.endpoints().iter().copied();
                endpoints.find(|endpoint| endpoint.method().answers(method)).map(Target::Endpoint)
            }
            Behind::Dialect(dialect) => Method::Post.answers(method).then_some(Target::Dialect(&**dialect)),
            // The path may still have the prefix that the routes are mounted at.
            Behind::Files(files) if Method::Get.answers(method) => {
                let found = files.iter().filter(|file| head.path.ends_with(file.path()));
                Some(Target::File(found.max_by_key(|file| file.path().len())))
            }
            Behind::Files(_) => None,
        }
    }

    /// The endpoints behind it, one a method; of another language or a page there are none.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        match &self.behind {
            Behind::Endpoints(endpoints) => endpoints,
            Behind::Dialect(_) | Behind::Files(_) => &[],
        }
    }

    /// The value of `Allow`.
    pub(super) fn allow(&self) -> String {
        match &self.behind {
            Behind::Endpoints(endpoints) => {
                let methods: Vec<_> = endpoints.iter().map(|endpoint| endpoint.method().allow()).collect();
                methods.join(", ")
            }
            Behind::Dialect(_) => Method::Post.allow().to_owned(),
            Behind::Files(_) => Method::Get.allow().to_owned(),
        }
    }
}

impl fmt::Debug for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoints(endpoints) => endpoints.fmt(f),
            Self::Dialect(_) => f.write_str("a dialect"),
            Self::Files(files) => files.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;
    use crate::mail::NoMail;
    use crate::store::memory::MemoryStore;
    use crate::{AuditTrail, Auth, AuthBuilder, AuthConfig, PersonalTokens};

    fn config() -> AuthConfig {
        let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        config.hash_threads = 1;
        config.public_url = Some("https://auth.example.com".to_owned());
        config
    }

    fn with_tokens() -> AuthConfig {
        let (tokens, trail) = (PersonalTokens::default(), AuditTrail::default());
        AuthConfig { personal_tokens: Some(tokens), audit_trail: Some(trail), ..config() }
    }

    fn builder() -> AuthBuilder {
        Auth::builder(MemoryStore::new()).config(config())
    }

    fn mounted(builder: AuthBuilder) -> Vec<Endpoint> {
        let auth = builder.build().expect("a configuration");
        auth.routes().iter().flat_map(|route| route.endpoints().to_vec()).collect()
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
        for endpoint in [Endpoint::ResetPassword, Endpoint::Register, Endpoint::Invite, Endpoint::InviteAgain] {
            let error = builder().with(&[endpoint]).build().expect_err("no mailer");
            assert_eq!(error.field(), "mailer");
            assert!(error.to_string().contains(endpoint.path()), "{error}");
        }
        assert!(mounted(builder().config(with_tokens())).contains(&Endpoint::CreateToken));
        let error = builder().with(&[Endpoint::CreateToken]).build().expect_err("they are off");
        assert_eq!(error.field(), "personal_tokens");
        let error = builder().with(&[Endpoint::Events]).build().expect_err("there is none");
        assert_eq!(error.field(), "audit_trail");
        let elsewhere = builder().users(MemoryStore::new()).mailer(NoMail).with(&[Endpoint::Register]).build();
        assert_eq!(elsewhere.expect_err("users elsewhere").field(), "endpoints");
        assert!(builder().users(MemoryStore::new()).mailer(NoMail).build().is_ok());
        for endpoint in [Endpoint::CreateUser, Endpoint::Invite, Endpoint::InviteAgain] {
            let error = builder().mailer(NoMail).with(&[endpoint]).build().expect_err("nobody can accept");
            assert_eq!(error.field(), "endpoints");
            assert!(error.to_string().contains("AcceptInvitation"), "{error}");
            let accepting = builder().mailer(NoMail).with(&[endpoint, Endpoint::AcceptInvitation]);
            assert!(mounted(accepting).contains(&endpoint));
        }
        assert!(mounted(builder().with(&[Endpoint::CreateUser])).contains(&Endpoint::CreateUser), "no mail is sent");
        let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        config.hash_threads = 1;
        let error = builder().config(config).mailer(NoMail).build().expect_err("no URL");
        assert_eq!(error.field(), "public_url");
    }
}
