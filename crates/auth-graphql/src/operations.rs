//! The objects of the contract: each field hands its arguments to the [`Caller`](auth_core::http::Caller), under the names
//! that REST has for them.

use async_graphql::{Context, Object, Result};
use auth_core::http::Fields;

use crate::context::{caller, refused};
use crate::types::{AuthMode, AuthTokens, AuthUser, NewTfa};

/// The fields of both objects. Each may cost a hash or a few statements.
pub(crate) const OPERATIONS: [&str; 9] = [
    LOGIN, "auth_refresh", "auth_logout", "auth_password_request", "auth_password_reset", "users_me_tfa_generate",
    "users_me_tfa_enable", "users_me_tfa_disable", "users_me",
];

/// The field that checks a password of whoever knows an address.
pub(crate) const LOGIN: &str = "auth_login";

/// The mutations, to be merged into those of an app.
#[derive(Debug, Clone, Copy, Default)]
pub struct AuthMutation;

/// The queries, to be merged into those of an app.
#[derive(Debug, Clone, Copy, Default)]
pub struct AuthQuery;

#[Object(rename_fields = "snake_case", rename_args = "snake_case")]
impl AuthMutation {
    /// Signs in. At most once a request, aliases included.
    async fn auth_login(
        &self,
        context: &Context<'_>,
        email: String,
        password: String,
        mode: Option<AuthMode>,
        otp: Option<String>,
    ) -> Option<Result<AuthTokens>> {
        let fields = Fields::from([
            ("email", Some(email)),
            ("password", Some(password)),
            ("mode", mode.map(AuthMode::name)),
            ("otp", otp),
        ]);
        answer(async { Ok(AuthTokens::from(&caller(context)?.login(&fields).await.map_err(refused)?)) }).await
    }

    /// Exchanges a refresh token, or that of a cookie, for the next one.
    async fn auth_refresh(
        &self,
        context: &Context<'_>,
        refresh_token: Option<String>,
        mode: Option<AuthMode>,
    ) -> Option<Result<AuthTokens>> {
        let fields = Fields::from([("refresh_token", refresh_token), ("mode", mode.map(AuthMode::name))]);
        answer(async { Ok(AuthTokens::from(&caller(context)?.refresh(&fields).await.map_err(refused)?)) }).await
    }

    /// Ends the session of a refresh token, or of a cookie.
    async fn auth_logout(
        &self,
        context: &Context<'_>,
        refresh_token: Option<String>,
        mode: Option<AuthMode>,
    ) -> Option<Result<bool>> {
        let fields = Fields::from([("refresh_token", refresh_token), ("mode", mode.map(AuthMode::name))]);
        answer(async { caller(context)?.logout(&fields).await.map(|()| true).map_err(refused) }).await
    }

    /// Sends a mail with a link to whoever has this address, if anybody.
    async fn auth_password_request(
        &self,
        context: &Context<'_>,
        email: String,
        reset_url: Option<String>,
    ) -> Option<Result<bool>> {
        let fields = Fields::from([("email", Some(email)), ("reset_url", reset_url)]);
        answer(async { caller(context)?.request_password_reset(&fields).await.map(|()| true).map_err(refused) }).await
    }

    /// Sets a password by such a link.
    async fn auth_password_reset(
        &self,
        context: &Context<'_>,
        token: String,
        password: String,
    ) -> Option<Result<bool>> {
        let fields = Fields::from([("token", Some(token)), ("password", Some(password))]);
        answer(async { caller(context)?.reset_password(&fields).await.map(|()| true).map_err(refused) }).await
    }

    /// A secret for an authenticator app.
    #[graphql(name = "users_me_tfa_generate")]
    async fn tfa_generate(&self, context: &Context<'_>, password: String) -> Option<Result<NewTfa>> {
        let fields = Fields::from([("password", Some(password))]);
        answer(async { Ok(NewTfa::from(&caller(context)?.generate_second_factor(&fields).await.map_err(refused)?)) })
            .await
    }

    /// Makes that secret the second factor.
    #[graphql(name = "users_me_tfa_enable")]
    async fn tfa_enable(&self, context: &Context<'_>, otp: String, secret: String) -> Option<Result<bool>> {
        let fields = Fields::from([("otp", Some(otp)), ("secret", Some(secret))]);
        answer(async { caller(context)?.enable_second_factor(&fields).await.map(|()| true).map_err(refused) }).await
    }

    /// Removes the second factor.
    #[graphql(name = "users_me_tfa_disable")]
    async fn tfa_disable(&self, context: &Context<'_>, otp: String) -> Option<Result<bool>> {
        let fields = Fields::from([("otp", Some(otp))]);
        answer(async { caller(context)?.disable_second_factor(&fields).await.map(|()| true).map_err(refused) }).await
    }
}

#[Object(rename_fields = "snake_case", rename_args = "snake_case")]
impl AuthQuery {
    /// Whose request it is.
    async fn users_me(&self, context: &Context<'_>) -> Option<Result<AuthUser>> {
        answer(async { caller(context)?.user().await.map(AuthUser::from).map_err(refused) }).await
    }
}

/// A refusal makes its own field `null`, and nothing beside it: so the other way around than most resolvers have it.
async fn answer<T>(work: impl Future<Output = Result<T>> + Send) -> Option<Result<T>> {
    Some(work.await)
}
