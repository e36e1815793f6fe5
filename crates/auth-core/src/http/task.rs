//! What an endpoint does, and for whom: whether the sender is known before the body is read.

use super::account::Account;
use super::admin::Administration;
use super::endpoint::Endpoint;
use super::own::Own;
use super::tfa::Tfa;
use super::tokens::Tokens;

pub(super) enum Task {
    /// For whoever is signed in.
    Own(Own),
    /// For everybody.
    Public(Public),
}

pub(super) enum Public {
    Login,
    Refresh,
    Logout,
    Providers,
    Jwks,
    Account(Account),
    Health,
    #[cfg(feature = "openapi")]
    OpenApi,
}

impl Task {
    pub(super) const fn of(endpoint: Endpoint) -> Self {
        match endpoint {
            Endpoint::Login => Self::Public(Public::Login),
            Endpoint::Refresh => Self::Public(Public::Refresh),
            Endpoint::Logout => Self::Public(Public::Logout),
            Endpoint::Providers => Self::Public(Public::Providers),
            Endpoint::Jwks => Self::Public(Public::Jwks),
            Endpoint::RequestReset => Self::Public(Public::Account(Account::RequestReset)),
            Endpoint::ResetPassword => Self::Public(Public::Account(Account::Reset)),
            Endpoint::Register => Self::Public(Public::Account(Account::Register)),
            Endpoint::VerifyEmail => Self::Public(Public::Account(Account::VerifyEmail)),
            Endpoint::AcceptInvitation => Self::Public(Public::Account(Account::AcceptInvitation)),
            Endpoint::Health => Self::Public(Public::Health),
            #[cfg(feature = "openapi")]
            Endpoint::OpenApi => Self::Public(Public::OpenApi),
            Endpoint::Me => Self::Own(Own::User),
            Endpoint::Sessions => Self::Own(Own::Sessions),
            Endpoint::EndOtherSessions => Self::Own(Own::EndOtherSessions),
            Endpoint::EndSession => Self::Own(Own::EndSession),
            Endpoint::TfaGenerate => Self::Own(Own::Tfa(Tfa::Generate)),
            Endpoint::TfaEnable => Self::Own(Own::Tfa(Tfa::Enable)),
            Endpoint::TfaDisable => Self::Own(Own::Tfa(Tfa::Disable)),
            Endpoint::TfaRecoveryCodes => Self::Own(Own::Tfa(Tfa::RecoveryCodes)),
            Endpoint::Tokens => Self::Own(Own::Tokens(Tokens::List)),
            Endpoint::CreateToken => Self::Own(Own::Tokens(Tokens::Create)),
            Endpoint::RevokeToken => Self::Own(Own::Tokens(Tokens::Revoke)),
            Endpoint::ChangePassword => Self::Own(Own::ChangePassword),
            Endpoint::Invite => Self::Own(Own::Admin(Administration::Invite)),
            Endpoint::Users => Self::Own(Own::Admin(Administration::Users)),
            Endpoint::CreateUser => Self::Own(Own::Admin(Administration::Create)),
            Endpoint::User => Self::Own(Own::Admin(Administration::User)),
            Endpoint::UpdateUser => Self::Own(Own::Admin(Administration::Update)),
            Endpoint::DeleteUser => Self::Own(Own::Admin(Administration::Delete)),
            Endpoint::InviteAgain => Self::Own(Own::Admin(Administration::InviteAgain)),
            Endpoint::ResetUserFactor => Self::Own(Own::Admin(Administration::ResetFactor)),
            Endpoint::Events => Self::Own(Own::Events),
        }
    }
}
