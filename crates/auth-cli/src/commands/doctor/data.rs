//! What is in the database, beside the settings that a server reads it with.

use auth_core::store::{
    FactorStore as _, UserDirectory as _, UserFilter, UserPage, UserStatus, UserStore as _, UserSummary,
};
use auth_core::{AuthConfig, Clock as _, FactorSealer, SystemClock, Timestamp};
use auth_sea_orm::SeaOrmStore;

use super::Finding;
use crate::exit::Failure;

/// How many users are looked at, the newest first.
const LOOKED_AT: u64 = 2_000;
const PAGE: u64 = 500;
/// Of how many the hash, and of how many the second factor.
const SAMPLE: usize = 50;
/// By how much clocks may differ, in milliseconds.
const APART: i64 = 2_000;

pub(super) async fn look(
    store: &SeaOrmStore,
    config: Option<&AuthConfig>,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let users = newest(store).await?;
    findings.push(clock(store, &users).await?);
    findings.push(admins(store, &users).await?);
    if let Some(config) = config {
        findings.extend(factors(store, &users, config).await?);
        findings.extend(hashes(store, &users, config).await?);
    }
    Ok(())
}

async fn newest(store: &SeaOrmStore) -> Result<Vec<UserSummary>, Failure> {
    let mut users: Vec<UserSummary> = Vec::new();
    while (users.len() as u64) < LOOKED_AT {
        let after = users.last().map(|user| user.id);
        let page = store.users(&UserPage { filter: UserFilter::default(), after, skip: 0, limit: PAGE }).await?;
        let is_last = (page.len() as u64) < PAGE;
        users.extend(page);
        if is_last {
            break;
        }
    }
    Ok(users)
}

async fn clock(store: &SeaOrmStore, users: &[UserSummary]) -> Result<Finding, Failure> {
    const SUBJECT: &str = "clock";
    const REMEDY: &str =
        "keep the clocks of all machines right (chrony, systemd-timesyncd): tokens and one-time codes go by them";
    let before = SystemClock.now();
    let theirs = store.server_time().await?;
    let now = SystemClock.now();
    // The answer was made somewhere in between.
    let middle = Timestamp::from_millis(before.as_millis() / 2 + now.as_millis() / 2);
    let apart = theirs.map(|theirs| middle.millis_since(theirs));
    let from_future = users.iter().map(|user| user.created_at.millis_since(now)).max().filter(|ahead| *ahead > APART);
    Ok(match (apart, from_future) {
        (Some(apart), _) if apart.abs() > APART + now.millis_since(before) => {
            let what = format!("this machine and the server of the database are {} s apart", apart.abs() / 1000);
            Finding::problem(SUBJECT, what, REMEDY)
        }
        (_, Some(ahead)) => {
            let what = format!("a user was made {} s in the future: some clock is or was wrong", ahead / 1000);
            Finding::problem(SUBJECT, what, REMEDY)
        }
        (Some(_), None) => Finding::good(SUBJECT, "this machine and the server of the database agree"),
        (None, None) => Finding::good(SUBJECT, format!("{now}, and nothing in the database is newer")),
    })
}

async fn admins(store: &SeaOrmStore, users: &[UserSummary]) -> Result<Finding, Failure> {
    const SUBJECT: &str = "admins";
    let filter = UserFilter { admin_access: Some(true), status: Some(UserStatus::Active), ..UserFilter::default() };
    let count = store.count_users(&filter, 1_000).await?;
    let without =
        users.iter().filter(|user| user.admin_access && user.status == UserStatus::Active && !user.has_factor);
    let remedy = "`authctl user add --admin` makes one";
    Ok(match (count, without.count()) {
        (0, _) => Finding::warning(SUBJECT, "nobody is an admin", remedy),
        (count, 0) => Finding::good(SUBJECT, format!("{count}")),
        (count, without) => {
            let what = format!("{count}, of whom {without} have no second factor");
            Finding::warning(SUBJECT, what, "let them set one up; MFA_REQUIRED demands it")
        }
    })
}

/// Whether SECRET and MFA_KEYS are those that the data was sealed with.
async fn factors(store: &SeaOrmStore, users: &[UserSummary], config: &AuthConfig) -> Result<Option<Finding>, Failure> {
    const SUBJECT: &str = "sealed data";
    let Ok(sealer) = FactorSealer::new(config) else { return Ok(None) };
    let (mut looked_at, mut closed) = (0, 0);
    for user in users.iter().filter(|user| user.has_factor).take(SAMPLE) {
        if let Some(active) = store.second_factor(&user.id).await?.active {
            looked_at += 1;
            closed += usize::from(sealer.open(&user.id, &active.secret).is_err());
        }
    }
    Ok(match (looked_at, closed) {
        (0, _) => None,
        (_, 0) => Some(Finding::good(SUBJECT, format!("{looked_at} second factors open with SECRET and MFA_KEYS"))),
        (_, closed) => {
            let what =
                format!("{closed} of {looked_at} second factors do not open with this SECRET and these MFA_KEYS");
            let remedy =
                "set both as they were, an old key at the end of MFA_KEYS: who has such a factor cannot sign in";
            Some(Finding::problem(SUBJECT, what, remedy))
        }
    })
}

async fn hashes(store: &SeaOrmStore, users: &[UserSummary], config: &AuthConfig) -> Result<Option<Finding>, Failure> {
    const SUBJECT: &str = "hashes";
    let mut unusable = None;
    for user in users.iter().take(SAMPLE) {
        let password = store.find_by_id(&user.id).await?.and_then(|user| user.password);
        if let Some(Err(error)) = password.map(|hash| hash.check_for(config)) {
            unusable = Some(error.to_string());
        }
    }
    Ok(match (users.is_empty(), unusable) {
        (true, _) => None,
        (false, None) => Some(Finding::good(SUBJECT, "those that were looked at can be verified")),
        (false, Some(error)) => {
            let remedy = "with hashes of Directus, raise HASH_MEMORY=65536, HASH_TIME=3, HASH_PARALLELISM=4; else such users \
                          need a new password; a pepper is put back at the end of PASSWORD_PEPPER";
            Some(Finding::problem(SUBJECT, format!("some users cannot sign in: {error}"), remedy))
        }
    })
}
