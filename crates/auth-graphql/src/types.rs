//! The types of the contract, under its names.

use async_graphql::{Enum, ID, InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value};
use auth_core::http::Given;
use auth_core::store::UserRecord;
use auth_core::{NewFactor, Role};

/// How the client wants its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "auth_mode", rename_items = "snake_case")]
pub enum AuthMode {
    /// Both in the answer.
    Json,
    /// The refresh token in a cookie.
    Cookie,
    /// A session cookie alone.
    Session,
}

impl AuthMode {
    /// As REST writes it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Json => "json",
            Self::Cookie => "cookie",
            Self::Session => "session",
        }
        .to_owned()
    }
}

/// A whole number that may not fit into 32 bits: a string of its digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BigInt(pub u64);

#[Scalar(name = "GraphQLBigInt")]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(digits) => digits.parse().ok().map(Self).ok_or(InputValueError::expected_type(value)),
            Value::Number(number) => number.as_u64().map(Self).ok_or(InputValueError::expected_type(value)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// The tokens of a login or a refresh, as far as the mode puts them here.
#[derive(SimpleObject)]
#[graphql(name = "auth_tokens", rename_fields = "snake_case")]
pub struct AuthTokens {
    access_token: Option<String>,
    /// Milliseconds.
    expires: Option<BigInt>,
    refresh_token: Option<String>,
}

impl From<&Given> for AuthTokens {
    fn from(given: &Given) -> Self {
        Self {
            access_token: given.access_token().map(str::to_owned),
            expires: Some(BigInt(given.expires())),
            refresh_token: given.refresh_token().map(str::to_owned),
        }
    }
}

/// A secret for an authenticator app.
#[derive(SimpleObject)]
#[graphql(name = "users_me_tfa_generate_data", rename_fields = "snake_case")]
pub struct NewTfa {
    /// To be typed.
    secret: String,
    /// To be opened, or shown as a QR code.
    otpauth_url: String,
}

impl From<&NewFactor> for NewTfa {
    fn from(new: &NewFactor) -> Self {
        let otpauth_url = new.otpauth_url.expose_secret().to_owned();
        Self { secret: new.secret.expose_secret().to_string(), otpauth_url }
    }
}

/// A user, as told to that user.
#[derive(SimpleObject)]
#[graphql(name = "auth_user", rename_fields = "snake_case")]
pub struct AuthUser {
    id: ID,
    email: Option<String>,
    role: Option<String>,
    status: Option<String>,
}

impl From<UserRecord> for AuthUser {
    fn from(user: UserRecord) -> Self {
        Self {
            id: user.id.as_str().into(),
            email: Some(user.email),
            role: user.role.as_ref().map(Role::as_str).map(str::to_owned),
            status: Some(user.status.as_str().to_owned()),
        }
    }
}
