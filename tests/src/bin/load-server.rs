//! A server to be loaded from outside, so that its memory and its time are its own: `load-server <axum|actix-web>
//! <throttled|unthrottled>`. It knows ada@example.com, whose password is `correct horse`. It says where it listens, and
//! ends with its standard input.
#![allow(clippy::expect_used, clippy::panic, reason = "test code: a failed expectation is its result")]

use std::io::Write as _;

use auth_core::store::memory::MemoryStore;
use auth_core::{Auth, AuthConfig, Email, LoginThrottle, NewUser, Password};
use auth_tests::load::{EMAIL, PASSWORD};
use auth_tests::servers::Framework;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [framework, throttle] = arguments.as_slice() else { panic!("two arguments: {arguments:?}") };
    let framework = Framework::ALL.into_iter().find(|known| known.name() == framework).expect("a framework");
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    if throttle == "unthrottled" {
        config.login_throttle = LoginThrottle::Off;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let auth = Auth::builder(MemoryStore::new()).config(config).build().expect("a configuration");
    let server = runtime.block_on(async {
        let email = Email::parse(EMAIL).expect("an address");
        auth.create_user(NewUser::new(email, Password::new(PASSWORD))).await.expect("a user");
        framework.serve(&auth, "").await
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", server.addr).and_then(|()| out.flush()).expect("somebody reads");
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()).expect("its input");
}
