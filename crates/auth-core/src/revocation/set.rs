//! What was revoked, made to be asked for every request.

use std::collections::{HashMap, HashSet};

use crate::id::{SessionId, UserId};
use crate::store::{Epoch, Revoked};
use crate::token::Identity;

/// Revoked sessions, and the users of whom everything before an epoch is revoked.
#[derive(Debug, Default)]
pub(super) struct RevokedSet {
    sessions: HashSet<SessionId>,
    lowest_epochs: HashMap<UserId, Epoch>,
}

impl RevokedSet {
    pub(super) fn has(&self, identity: &Identity) -> bool {
        let session = identity.session().is_some_and(|session| self.sessions.contains(&session));
        session || self.lowest_epochs.get(identity.user()).is_some_and(|lowest| identity.epoch() < *lowest)
    }
}

impl FromIterator<Revoked> for RevokedSet {
    fn from_iter<I: IntoIterator<Item = Revoked>>(revoked: I) -> Self {
        let mut set = Self::default();
        for revoked in revoked {
            match revoked {
                Revoked::Session(session) => {
                    set.sessions.insert(session);
                }
                Revoked::User { user, lowest_epoch } => {
                    let lowest = set.lowest_epochs.entry(user).or_default();
                    *lowest = lowest_epoch.max(*lowest);
                }
            }
        }
        set
    }
}
