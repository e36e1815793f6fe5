//! The description of every endpoint. A new one does not compile without an arm here.

mod account;
mod admin;
mod own;
mod personal_tokens;
mod tfa;
mod tokens;

use super::operation::Operation;
use crate::config::AuthConfig;
use crate::http::endpoint::Endpoint;

impl Endpoint {
    /// What it takes and gives, with this configuration.
    pub(super) fn describe(self, config: &AuthConfig) -> Operation {
        match self {
            Self::Login => tokens::login(),
            Self::Refresh => tokens::refresh(),
            Self::Logout => tokens::logout(),
            Self::Providers => tokens::providers(),
            Self::Jwks => tokens::jwks(),
            Self::OpenApi => tokens::document(),
            Self::Me => own::user(),
            Self::Sessions => own::sessions(),
            Self::EndOtherSessions => own::end_other_sessions(),
            Self::EndSession => own::end_session(),
            Self::Tokens => personal_tokens::list(),
            Self::CreateToken => personal_tokens::create(),
            Self::RevokeToken => personal_tokens::revoke(),
            Self::ChangePassword => own::change_password(config),
            Self::Invite => own::invite(config),
            Self::RequestReset => account::request_reset(config),
            Self::ResetPassword => account::reset_password(config),
            Self::Register => account::register(config),
            Self::VerifyEmail => account::verify_email(),
            Self::AcceptInvitation => account::accept_invitation(config),
            Self::Users => admin::users(),
            Self::CreateUser => admin::create(config),
            Self::User => admin::user(),
            Self::UpdateUser => admin::update(),
            Self::DeleteUser => admin::delete(),
            Self::Events => admin::events(),
            Self::Health => tokens::health(),
            Self::InviteAgain => admin::invite_again(config),
            Self::ResetUserFactor => admin::reset_factor(),
            Self::TfaGenerate => tfa::generate(),
            Self::TfaEnable => tfa::enable(),
            Self::TfaDisable => tfa::disable(),
            Self::TfaRecoveryCodes => tfa::recovery_codes(),
        }
    }
}
