//! Logins on both frameworks beside a server that only hashes.

use auth_core::AuthConfig;

use crate::client::Request;
use crate::failure::Failure;
use crate::load::{Cost, Load};
use crate::process::ServerProcess;
use crate::report::{Group, Owner, Row};
use crate::servers::{EMAIL, PASSWORD, SECRET};
use crate::size::Size;
use crate::spread::Spread;
use crate::versions;

/// Takes samples of both frameworks and of the hash by turns.
pub(crate) async fn measure(size: Size) -> Result<Vec<Row>, Failure> {
    let body = serde_json::json!({"email": EMAIL, "password": PASSWORD}).to_string();
    let request = Request::post("/auth/login", &body);
    // As many people as hash at once: nobody waits, and no thread does.
    let people = AuthConfig::new(SECRET).hash_threads;
    let start = async |server| Load::on(ServerProcess::ours(server)?, request.clone(), people).await;
    let mut hash = start("hash").await?;
    let mut logins = [
        Logins::on(start("axum-login").await?, "auth-axum"),
        Logins::on(start("actix-login").await?, "auth-actix-web"),
    ];
    let samples = size.logins();
    // The first round warms up.
    for round in 0..=samples.count {
        let alone = hash.run(samples.each).await?;
        for one in &mut logins {
            let login = one.load.run(samples.each).await?;
            if round > 0 {
                one.samples.push((alone, login));
            }
        }
        eprint!("\rlogins: {round} of {} rounds ", samples.count);
    }
    eprintln!();
    Ok(logins.iter().flat_map(Logins::rows).collect())
}

struct Logins {
    name: String,
    load: Load,
    /// Each with the hash before it.
    samples: Vec<(Cost, Cost)>,
}

impl Logins {
    fn on(load: Load, package: &str) -> Self {
        Self { name: versions::ours(package), load, samples: Vec::new() }
    }

    fn rows(&self) -> [Row; 2] {
        let spread = |of: fn(&(Cost, Cost)) -> f64| Spread::of(&self.samples.iter().map(of).collect::<Vec<_>>());
        let processor = spread(|(hash, login)| login.processor / hash.processor);
        let rate = spread(|(hash, login)| hash.wall / login.wall);
        let per_second = spread(|(_, login)| 1.0 / login.wall);
        let beside = versions::ours("argon2");
        [
            Row::measured(Group::LoginTime, Owner::Us, &self.name, beside.clone(), processor, None),
            Row::measured(Group::LoginRate, Owner::Us, &self.name, beside, rate, per_second),
        ]
    }
}
