//! Users found: the row, what it grants, and whether it is still as it was.

use async_trait::async_trait;
use auth_core::store::{Epoch, NewUserRecord, StoreError, StoreErrorKind, UserRecord, UserStatus, UserStore};
use auth_core::{Email, PasswordHash, Role, TotpSecret, UserId};

use super::access::Granted;
use super::schema::UserRow;
use super::{DirectusStore, Writing, corrupt, status};
use crate::store::upstream::{FactorThere, Look};

/// How often a user who changes all the time is read again.
const ATTEMPTS: usize = 4;
/// A user that nobody is: so that an unknown address takes as many statements as a known one (requirement G5).
pub(super) const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

#[async_trait]
impl UserStore for DirectusStore {
    async fn find_by_email(&self, email: &Email) -> Result<Option<UserRecord>, StoreError> {
        let id = self.inner.database.id_of(email).await?;
        let id = match &id {
            Some(id) => UserId::new(id).map_err(corrupt)?,
            None => UserId::new(NOBODY).map_err(corrupt)?,
        };
        let found = self.observe(&id).await?;
        // The address may have gone to somebody else in between.
        Ok(found.filter(|user| has_address(&user.email, email)))
    }

    async fn find_by_id(&self, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        self.observe(id).await
    }

    /// Users are made in Directus.
    async fn create(&self, _: &NewUserRecord) -> Result<UserId, StoreError> {
        Err(StoreError::new(StoreErrorKind::Conflict, "users are made in Directus, not here"))
    }

    async fn rehash(&self, id: &UserId, expected: &PasswordHash, new: &PasswordHash) -> Result<bool, StoreError> {
        if self.writing == Writing::Never {
            return Ok(false);
        }
        if new.as_phc().contains("keyid=") {
            let problem = "a hash with a pepper would lock its user out of Directus: leave `password_peppers` empty";
            return Err(corrupt(problem));
        }
        let Some(row) = self.inner.database.row(id).await? else { return Ok(false) };
        if !self.inner.database.set_password(&row, expected, new).await? {
            return Ok(false);
        }
        let changed = UserRow { password: Some(new.as_phc().to_owned()), ..row.clone() };
        self.inner.ours.note_own_change(id, self.look(&row), self.look(&changed)).await?;
        Ok(true)
    }
}

impl DirectusStore {
    /// The user with this id, after the sessions of a user who was changed in Directus have been ended. What is known of
    /// the user is read before the row, so the row is never older than the epoch that it comes with.
    async fn observe(&self, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        for _ in 0..ATTEMPTS {
            let known = self.inner.ours.known(id).await?;
            let Some(row) = self.inner.database.row(id).await? else {
                // Nobody, who has no role.
                self.inner.database.granted(NOBODY, None).await?;
                return Ok(None);
            };
            let look = self.look(&row);
            if known.look == Some(look) {
                let granted = self.inner.database.granted(&row.id, row.role.as_deref()).await?;
                return record(&row, granted, known.epoch).map(Some);
            }
            let factor = self.factor_there(id, &row, known.look, look)?;
            self.inner.ours.note(id, known.look, look, &factor, self.clock.now()).await?;
        }
        Err(StoreError::new(StoreErrorKind::Unavailable, "the user changes faster than it can be read"))
    }

    /// What a change of shows that the credentials are others (requirement R9).
    pub(super) fn look(&self, row: &UserRow) -> Look {
        let sealer = &self.inner.sealer;
        Look {
            credentials: sealer.mark(&[
                row.email.as_deref(),
                row.password.as_deref(),
                Some(&row.status),
                row.role.as_deref(),
                Some(&row.provider),
            ]),
            factor: sealer.mark(&[row.tfa_secret.as_deref().map(String::as_str)]),
        }
    }

    fn factor_there(
        &self,
        id: &UserId,
        row: &UserRow,
        before: Option<Look>,
        look: Look,
    ) -> Result<FactorThere, StoreError> {
        if before.is_some_and(|before| before.factor == look.factor) {
            return Ok(FactorThere::Unchanged);
        }
        match (factor(row), before) {
            (Some(secret), _) => Ok(FactorThere::Has(self.inner.sealer.seal(id, &secret).map_err(unavailable)?)),
            (None, Some(_)) => Ok(FactorThere::Nothing),
            (None, None) => Ok(FactorThere::Unchanged),
        }
    }
}

/// The second factor that the user has in Directus. One that cannot be read is none, and [`record`] lets its user not in.
pub(super) fn factor(row: &UserRow) -> Option<TotpSecret> {
    TotpSecret::parse(row.tfa_secret.as_ref()?).ok()
}

pub(super) fn has_address(stored: &str, wanted: &Email) -> bool {
    Email::parse(stored).is_ok_and(|email| email.canonical() == wanted.canonical())
}

fn record(row: &UserRow, granted: Granted, epoch: Epoch) -> Result<UserRecord, StoreError> {
    let id = UserId::new(&row.id).map_err(corrupt)?;
    let is_unreadable = row.tfa_secret.is_some() && factor(row).is_none();
    if is_unreadable {
        tracing::error!(
            target: "auth::directus", user = %id,
            "a user cannot sign in: `tfa_secret` is no base32 of at least 80 bits; disable the second factor in Directus, \
             and set it up again"
        );
    }
    let may_use_password = row.is_of_directus() && !is_unreadable;
    Ok(UserRecord {
        id,
        email: row.email.clone().unwrap_or_default(),
        password: row.password.clone().filter(|_| may_use_password).map(PasswordHash::from_phc),
        status: if row.email.is_some() { status(&row.status) } else { UserStatus::Inactive },
        role: row.role.as_deref().map(Role::new).transpose().map_err(corrupt)?,
        app_access: granted.app_access,
        admin_access: granted.admin_access,
        epoch: Some(epoch),
    })
}

fn unavailable(error: auth_core::AuthError) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, error)
}
