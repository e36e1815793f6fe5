//! The lower storey: typed operations, one file each. For handlers, GraphQL, command lines and tests; the wire
//! (`http/`) calls these too.

mod admin;
mod authenticate;
mod elsewhere;
mod health;
mod invite;
mod issue;
mod links;
mod login;
mod logout;
mod maintenance;
mod otp;
pub(crate) mod outbox;
mod password;
pub(crate) mod personal_tokens;
mod refresh;
mod register;
mod second_factor;
mod sessions;
mod tally;
pub(crate) mod trail;
mod users;

pub use admin::{AccountChange, Admin, NewAccount};
pub use issue::{Grant, Tokens};
pub use login::LoginRequest;
pub use password::PasswordChange;
pub use personal_tokens::{NewPersonalToken, PersonalToken};
pub use second_factor::{EnableFactor, FactorProof, NewFactor};
pub use sessions::OwnSession;
pub use users::{NewUser, UserUpdate};

use crate::auth::Inner;
use crate::client::ClientInfo;
use crate::event::{AuthEvent, EventKind};
use crate::id::{SessionId, UserId};
use crate::measure;

impl Inner {
    fn record(&self, kind: EventKind, user: Option<UserId>, session: Option<SessionId>, client: &ClientInfo) {
        self.record_by(None, kind, user, session, client);
    }

    fn record_by(
        &self,
        actor: Option<UserId>,
        kind: EventKind,
        user: Option<UserId>,
        session: Option<SessionId>,
        client: &ClientInfo,
    ) {
        let event = AuthEvent { at: self.clock.now(), kind, user, actor, session, client };
        measure::event(kind);
        self.events.record(&event);
        if let Some(trail) = &self.trail {
            trail.record(&event, &*self.random);
        }
    }
}
