//! Users who leave Directus for good: read there, and compared with what we have.

use std::collections::HashMap;

use auth_core::store::{FactorStore as _, StoreError, StoreErrorKind, UserStatus, UserStore as _};
use auth_core::{
    AuthError, Email, FactorSealer, HashParams, PasswordHash, Role, Timestamp, TotpSecret, UnusableHash, UserId,
};
use sea_orm::ConnectionTrait as _;
use sea_orm::sea_query::Order;

use super::database::DirectusDatabase;
use super::schema::{UserRow, Users, select_user};
use super::users::factor;
use super::{corrupt, status};
use crate::retry::{Resend, retrying};
use crate::store::SeaOrmStore;

/// A user as Directus has one, ready to be one of ours.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DirectusUser {
    /// The id, which stays.
    pub id: UserId,
    /// The address.
    pub email: Email,
    /// The hash; `None` for who signs in through a provider, or has no password.
    pub password: Option<PasswordHash>,
    /// Who checks the identity: `default` is Directus itself.
    pub provider: String,
    /// Whether the user may sign in.
    pub status: UserStatus,
    /// The id of the role.
    pub role: Option<Role>,
    /// What the policies grant.
    pub app_access: bool,
    /// What the policies grant.
    pub admin_access: bool,
    /// The secret of the second factor.
    pub factor: Option<TotpSecret>,
}

/// Why a user of Directus cannot be one of ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is no address.
    #[error("has no address: give the user one in Directus")]
    NoAddress,
    /// The address is none that mail could be sent to.
    #[error("has an address that is none: correct it in Directus")]
    BadAddress,
    /// Two users of Directus have one address, in two spellings.
    #[error("has the address of user {0}, in another spelling: change one of the two in Directus")]
    AddressTwice(UserId),
    /// The hash verifies nothing here.
    #[error("{0}; let the user set a new password in Directus, or remove it there")]
    Hash(#[from] UnusableHash),
    /// The second factor cannot be read.
    #[error("has a second factor that is no base32 of at least 80 bits: disable it in Directus")]
    Factor,
}

impl DirectusDatabase {
    /// All users, by id, each with what keeps it from being one of ours if anything does. `ceiling` is the most that a
    /// hash may cost ([`AuthConfig::max_hash`](auth_core::AuthConfig)).
    ///
    /// # Errors
    /// When the database fails, or a row is damaged.
    pub async fn users(
        &self,
        ceiling: HashParams,
    ) -> Result<Vec<(UserId, String, Result<DirectusUser, Problem>)>, StoreError> {
        let mut select = select_user(self.backend());
        select.order_by(Users::Id, Order::Asc);
        let rows = retrying(Resend::Safe, async || {
            let rows = self.db.read.query_all(&select).await?;
            Ok(rows.iter().map(UserRow::read).collect::<Result<Vec<_>, _>>()?)
        })
        .await?;
        let mut users = Vec::with_capacity(rows.len());
        let mut addresses: HashMap<String, UserId> = HashMap::new();
        for row in rows {
            let id = UserId::new(&row.id).map_err(corrupt)?;
            let mut user = self.user(id, &row, ceiling).await?;
            if let Ok(found) = &user {
                let first = *addresses.entry(found.email.canonical().to_owned()).or_insert(id);
                if first != id {
                    user = Err(Problem::AddressTwice(first));
                }
            }
            users.push((id, row.email.unwrap_or_default(), user));
        }
        Ok(users)
    }

    async fn user(
        &self,
        id: UserId,
        row: &UserRow,
        ceiling: HashParams,
    ) -> Result<Result<DirectusUser, Problem>, StoreError> {
        let Some(email) = &row.email else { return Ok(Err(Problem::NoAddress)) };
        let Ok(email) = Email::parse(email) else { return Ok(Err(Problem::BadAddress)) };
        let password = row.password.clone().filter(|_| row.is_of_directus()).map(PasswordHash::from_phc);
        if let Some(Err(unusable)) = password.as_ref().map(|password| password.check(ceiling)) {
            return Ok(Err(unusable.into()));
        }
        let factor = factor(row);
        if factor.is_none() && row.tfa_secret.is_some() {
            return Ok(Err(Problem::Factor));
        }
        let granted = self.granted(&row.id, row.role.as_deref()).await?;
        Ok(Ok(DirectusUser {
            id,
            email,
            password,
            provider: row.provider.clone(),
            status: status(&row.status),
            role: row.role.as_deref().map(Role::new).transpose().map_err(corrupt)?,
            app_access: granted.app_access,
            admin_access: granted.admin_access,
            factor,
        }))
    }
}

/// In what a user of ours differs from the one in Directus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The address.
    Email,
    /// The password's hash.
    Password,
    /// Whether the user may sign in.
    Status,
    /// The role.
    Role,
    /// What the policies grant.
    Access,
    /// The second factor.
    SecondFactor,
}

impl Difference {
    /// Its name, for people and programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Password => "password",
            Self::Status => "status",
            Self::Role => "role",
            Self::Access => "access",
            Self::SecondFactor => "second_factor",
        }
    }
}

/// What an import may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportMode {
    /// Only say what would be done.
    DryRun,
    /// Make who is not there yet.
    Create,
    /// And make who is there like the user in Directus: sessions of whoever is changed end. What was changed here since
    /// is undone: password, address, status, role, access, and the second factor, which is removed when Directus has none.
    Update,
}

/// What was done for one user; with [`ImportMode::DryRun`], what would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// The user was not there.
    Created,
    /// The user is there, and alike.
    Unchanged,
    /// The user is there, differs, and stays so.
    Differs(Vec<Difference>),
    /// The user differed in this.
    Updated(Vec<Difference>),
}

/// Why a user was not taken over; nothing of that user was written then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Somebody else here has the address.
    #[error("the address belongs to user {0} here: change one of the two")]
    AddressTaken(UserId),
    /// There is a second factor, and no key to seal it with.
    #[error("has a second factor, and there is no key to seal it with: set SECRET and MFA_KEYS as the server has them")]
    NoKey,
    /// The second factor that is here already does not open.
    #[error("the second factor that is here already does not open: set SECRET and MFA_KEYS as the server has them")]
    Sealed(#[source] AuthError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SeaOrmStore {
    /// Makes a user of Directus one of ours, in one transaction: hash, role, access and second factor, sealed by
    /// `sealer`. The user keeps the id, so tokens of before still name the same user. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`ImportError`]; nothing is written then.
    pub async fn import(
        &self,
        user: &DirectusUser,
        sealer: Option<&FactorSealer>,
        mode: ImportMode,
        now: Timestamp,
    ) -> Result<Applied, ImportError> {
        let sealed = match (&user.factor, sealer) {
            (Some(secret), Some(sealer)) => Some(sealer.seal(&user.id, secret).map_err(ImportError::Sealed)?),
            (Some(_), None) => return Err(ImportError::NoKey),
            (None, _) => None,
        };
        self.require_free_address(user).await?;
        let differences = match self.differences(user, sealer).await? {
            Some(differences) => differences,
            None if mode == ImportMode::DryRun => return Ok(Applied::Created),
            None => match self.insert_imported(user, sealed.as_ref(), now).await {
                Ok(()) => return Ok(Applied::Created),
                // Somebody took the address meanwhile, or another import made this very user.
                Err(error) if error.kind() == StoreErrorKind::Conflict => {
                    self.require_free_address(user).await?;
                    self.differences(user, sealer).await?.ok_or(error)?
                }
                Err(error) => return Err(error.into()),
            },
        };
        match (differences.is_empty(), mode) {
            (true, _) => Ok(Applied::Unchanged),
            (false, ImportMode::Update) => {
                let factor_differs = differences.contains(&Difference::SecondFactor);
                let updated = self.update_imported(user, factor_differs.then_some(sealed.as_ref()), now).await;
                if updated.as_ref().is_err_and(|error| error.kind() == StoreErrorKind::Conflict) {
                    self.require_free_address(user).await?;
                }
                updated?;
                Ok(Applied::Updated(differences))
            }
            (false, _) => Ok(Applied::Differs(differences)),
        }
    }

    /// Refuses an address that somebody else has here.
    async fn require_free_address(&self, user: &DirectusUser) -> Result<(), ImportError> {
        match self.find_by_email(&user.email).await? {
            Some(holder) if holder.id != user.id => Err(ImportError::AddressTaken(holder.id)),
            _ => Ok(()),
        }
    }

    /// In what our user with this id differs; `None` when there is none.
    async fn differences(
        &self,
        user: &DirectusUser,
        sealer: Option<&FactorSealer>,
    ) -> Result<Option<Vec<Difference>>, ImportError> {
        let Some(ours) = self.find_by_id(&user.id).await? else { return Ok(None) };
        let phc = |hash: &Option<PasswordHash>| hash.as_ref().map(|hash| hash.as_phc().to_owned());
        let active = self.second_factor(&user.id).await?.active;
        let same_factor = match (&user.factor, &active, sealer) {
            (None, None, _) => true,
            (Some(theirs), Some(active), Some(sealer)) => {
                let opened = sealer.open(&user.id, &active.secret).map_err(ImportError::Sealed)?;
                *opened.expose_secret() == *theirs.expose_secret()
            }
            _ => false,
        };
        let compared = [
            (Difference::Email, ours.email == user.email.as_typed()),
            (Difference::Password, phc(&ours.password) == phc(&user.password)),
            (Difference::Status, ours.status == user.status),
            (Difference::Role, ours.role == user.role),
            (Difference::Access, (ours.app_access, ours.admin_access) == (user.app_access, user.admin_access)),
            (Difference::SecondFactor, same_factor),
        ];
        Ok(Some(compared.into_iter().filter(|(_, same)| !same).map(|(difference, _)| difference).collect()))
    }
}
