//! Sessions that are refreshed by many at once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use auth_core::store::{Epoch, NewSession, Opened, Rotation, SessionMode, SessionStore as _, Swap};
use auth_core::{
    Auth, AuthConfig, ClientInfo, Clock as _, Email, Grant, NewUser, Password, RefreshToken, SessionId, SystemClock,
    UserId,
};
use auth_sea_orm::SeaOrmStore;
use tokio::task::JoinSet;

use super::statement::{HASH, Rows};
use crate::failure::Failure;
use crate::servers::{SECRET, ada};

const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// As many sessions for rotations as for refreshes; and as many rows for the UPDATE alone.
pub(super) struct Crowd {
    auth: Auth,
    store: SeaOrmStore,
    rotated: Vec<(SessionId, [u8; 32])>,
    refreshed: Vec<RefreshToken>,
}

impl Crowd {
    pub(super) async fn open(store: SeaOrmStore, sessions: u32) -> Result<Self, Failure> {
        let mut config = AuthConfig::new(SECRET);
        // Every refresh rotates: within a grace, the second one gets what the first one got.
        config.refresh_grace = Duration::ZERO;
        // What is refreshed is all of one user.
        config.max_sessions_per_user = 10_000;
        let auth = Auth::builder(store.clone()).config(config).build()?;
        let user = auth.create_user(ada()?).await?;
        let nobody = NewUser::new(Email::parse("rows@example.com")?, Password::new("the rows of nobody"));
        let owner_of_rows = auth.create_user(nobody).await?;
        let (mut rotated, mut refreshed) = (Vec::new(), Vec::new());
        for n in 0..sessions {
            for rows in [Rows::Store, Rows::Alone] {
                let Opened::Stored = store.open(&session(rows.id(n), owner_of_rows)).await? else {
                    return Err(Failure::NotRotated);
                };
            }
            rotated.push((Rows::Store.id(n), HASH));
            let tokens = auth.open_session(&user, SessionMode::Json, &ClientInfo::default()).await?;
            if let Grant::Pair { refresh, .. } = tokens.grant {
                refreshed.push(refresh);
            }
        }
        Ok(Self { auth, store, rotated, refreshed })
    }

    /// How many a second, when the store is only to rotate.
    pub(super) async fn rotate(&mut self, callers: usize, time: Duration) -> Result<f64, Failure> {
        let store = self.store.clone();
        let rotate = move |(id, expected): (SessionId, [u8; 32])| {
            let store = store.clone();
            async move {
                let rotation = rotation(id, expected);
                let swap = store.rotate(&rotation).await?;
                if swap == Swap::Won { Ok((id, rotation.successor)) } else { Err(Failure::NotRotated) }
            }
        };
        rate(&mut self.rotated, callers, time, rotate).await
    }

    /// How many a second, when the session is loaded and judged and new tokens are signed, too.
    pub(super) async fn refresh(&mut self, callers: usize, time: Duration) -> Result<f64, Failure> {
        let auth = self.auth.clone();
        let refresh = move |token: RefreshToken| {
            let auth = auth.clone();
            async move {
                match auth.refresh(&token, &ClientInfo::default()).await?.grant {
                    Grant::Pair { refresh, .. } => Ok(refresh),
                    Grant::Session(_) => Err(Failure::NotRotated),
                }
            }
        };
        rate(&mut self.refreshed, callers, time, refresh).await
    }
}

/// Gives each caller a share of the items, which it takes in turn until the time is over.
async fn rate<T, F, S>(items: &mut Vec<T>, callers: usize, time: Duration, step: S) -> Result<f64, Failure>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Failure>> + Send,
    S: Fn(T) -> F + Clone + Send + 'static,
{
    let share = items.len().div_ceil(callers).max(1);
    let mut running = JoinSet::new();
    let started = Instant::now();
    while !items.is_empty() {
        let mut own: VecDeque<T> = items.drain(..share.min(items.len())).collect();
        let step = step.clone();
        running.spawn(async move {
            let mut done = 0_u32;
            while started.elapsed() < time
                && let Some(item) = own.pop_front()
            {
                own.push_back(step(item).await?);
                done += 1;
            }
            Ok::<_, Failure>((own, done))
        });
    }
    let mut done = 0;
    while let Some(caller) = running.join_next().await {
        let (own, count) = caller??;
        items.extend(own);
        done += count;
    }
    Ok(f64::from(done) / started.elapsed().as_secs_f64())
}

fn rotation(id: SessionId, expected: [u8; 32]) -> Rotation {
    let now = SystemClock.now();
    Rotation {
        id,
        expected,
        successor: expected.map(|byte| byte.wrapping_add(1)),
        salt: [7; 16],
        key_id: 1,
        now,
        idle_expires_at: now.after(WEEK),
    }
}

fn session(id: SessionId, user: UserId) -> NewSession {
    let now = SystemClock.now();
    NewSession {
        id,
        user,
        epoch: Epoch::default(),
        aal: 1,
        family_hash: HASH,
        current_hash: HASH,
        mode: SessionMode::Json,
        created_at: now,
        idle_expires_at: now.after(WEEK),
        absolute_expires_at: now.after(WEEK),
        client: ClientInfo::default(),
    }
}
