//! `authctl import directus`: users of Directus 11 become users of ours.

use auth_core::store::StoreErrorKind;
use auth_core::{Auth, AuthConfig, Clock as _, EventKind, FactorSealer, HashParams, SystemClock, UserFields, UserId};
use auth_sea_orm::SeaOrmStore;
use auth_sea_orm::directus::{Applied, DirectusDatabase, DirectusUser, ImportError, ImportMode, Problem};
use clap::Args;

use crate::exit::{Exit, Failure};
use crate::open::{self, Database, not_started};
use crate::report::{Entry, Outcome, Report};
use crate::shell::{Shell, unread};

/// Copies the users of a Directus 11 with their ids, password hashes, roles, access and second factors. Nothing is
/// written into the database of Directus. Doing it again changes nothing.
///
/// The server that takes them over needs `AuthConfig::directus(…)`, or hash settings of at least HASH_MEMORY=65536,
/// HASH_TIME=3, HASH_PARALLELISM=4, and the SECRET and MFA_KEYS that are given here.
#[derive(Debug, Args)]
pub(crate) struct ImportDirectus {
    /// The database of Directus: sqlite://file, postgres://…, mysql://… [env: DIRECTUS_DATABASE_URL]
    url: Option<String>,

    #[command(flatten)]
    database: Database,

    /// Only says what would be done
    #[arg(long, conflicts_with = "update")]
    dry_run: bool,

    /// Makes users who are here already like those in Directus, and ends their sessions. What was changed here since is
    /// undone: a new password is replaced, a second factor that was set up here is removed, a user who was deactivated
    /// here may sign in again, and role and access are again those of Directus
    #[arg(long)]
    update: bool,

    /// Creates our tables first, or brings them up to date
    #[arg(long, conflicts_with = "dry_run")]
    migrate: bool,
}

type Found = (UserId, String, Result<DirectusUser, Problem>);

impl ImportDirectus {
    pub(crate) async fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let from = self.url.clone().or_else(|| shell.var("DIRECTUS_DATABASE_URL"));
        let from = from.ok_or_else(|| {
            not_started("the database of Directus is not given: name its URL, or set DIRECTUS_DATABASE_URL")
        })?;
        let keys = Keys::read(shell)?;

        let directus = DirectusDatabase::connect(&from).await;
        let directus = directus.map_err(|error| not_started("the database of Directus").because(error))?;
        directus.check().await.map_err(|error| not_started(error.to_string()).because(error.into_store_error()))?;
        let ours = self.open_ours(shell).await?;
        let found = directus.users(keys.ceiling).await;
        let found = found.map_err(|error| not_started("the users of Directus cannot be read").because(error))?;
        keys.suffice_for(&found)?;

        let auth = keys.config.map(|config| open::auth(&ours, config)).transpose()?;
        let report = self.import(&ours, found, keys.sealer.as_ref(), auth.as_ref(), shell).await;
        report.write(shell.format, shell.out).or_else(unread)?;
        Ok(report.exit())
    }

    async fn open_ours(&self, shell: &Shell<'_>) -> Result<SeaOrmStore, Failure> {
        const SUBJECT: &str = "the database with our tables";
        let ours = self.database.connect(shell).await.map_err(|failure| failure.about(SUBJECT))?;
        if self.migrate {
            ours.migrate().await.map_err(|error| not_started("our tables cannot be made").because(error))?;
        }
        open::require_tables(&ours).await.map_err(|failure| failure.about(SUBJECT))?;
        Ok(ours)
    }

    async fn import(
        &self,
        ours: &SeaOrmStore,
        found: Vec<Found>,
        sealer: Option<&FactorSealer>,
        auth: Option<&Auth>,
        shell: &mut Shell<'_>,
    ) -> Report {
        let mode = match (self.dry_run, self.update) {
            (true, _) => ImportMode::DryRun,
            (false, true) => ImportMode::Update,
            (false, false) => ImportMode::Create,
        };
        let mut report = Report::new(self.dry_run);
        for (id, email, user) in found {
            let (outcome, provider) = match user {
                Err(problem) => (Outcome::Problem(problem.to_string()), None),
                Ok(user) => {
                    let outcome = match ours.import(&user, sealer, mode, SystemClock.now()).await {
                        Ok(applied) => {
                            if let (Some(auth), false) = (auth, self.dry_run) {
                                keep_event(auth, &id, &applied, shell).await;
                            }
                            Outcome::Applied(applied)
                        }
                        Err(ImportError::Store(error)) if error.kind() == StoreErrorKind::Unavailable => {
                            report.interrupted(&error);
                            break;
                        }
                        Err(error) => Outcome::Problem(error.to_string()),
                    };
                    (outcome, Some(user.provider).filter(|provider| provider != "default"))
                }
            };
            report.add(Entry { id: id.to_string(), email, outcome, provider });
        }
        report
    }
}

/// What was done to a user is in the audit trail, if there is one.
async fn keep_event(auth: &Auth, user: &UserId, applied: &Applied, shell: &mut Shell<'_>) {
    let kind = match applied {
        Applied::Created => EventKind::UserCreated,
        Applied::Updated(_) => EventKind::UserChanged { fields: UserFields::default() },
        Applied::Unchanged | Applied::Differs(_) => return,
    };
    auth.record_event(kind, user);
    open::keep_trail(auth, shell).await;
}

/// What the environment says of hashes and second factors, as the server reads it.
struct Keys {
    ceiling: HashParams,
    sealer: Option<FactorSealer>,
    /// Of the server, when `SECRET` is set: it says whether there is an audit trail.
    config: Option<AuthConfig>,
}

impl Keys {
    fn read(shell: &Shell<'_>) -> Result<Self, Failure> {
        if shell.var("SECRET").is_none() {
            return Ok(Self { ceiling: HashParams::DIRECTUS, sealer: None, config: None });
        }
        let config =
            AuthConfig::directus_from_vars(|name| shell.var(name)).map_err(|error| not_started(error.to_string()))?;
        let sealer = FactorSealer::new(&config).map_err(|error| not_started(error.to_string()))?;
        Ok(Self { ceiling: config.max_hash, sealer: Some(sealer), config: Some(config) })
    }

    /// Before anything is written.
    fn suffice_for(&self, found: &[Found]) -> Result<(), Failure> {
        let factors = found.iter().filter(|(_, _, user)| user.as_ref().is_ok_and(|user| user.factor.is_some())).count();
        if factors == 0 || self.sealer.is_some() {
            return Ok(());
        }
        Err(not_started(format!(
            "{factors} of the users have a second factor, and there is no key to seal it with: set SECRET, and MFA_KEYS \
             if the server has it, to what the server has"
        )))
    }
}
