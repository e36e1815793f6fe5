//! What a builder mounts.

use super::{Auth, AuthBuilder};
use crate::AuthConfig;
use crate::http::Endpoint::{
    self, AcceptInvitation, CreateToken, Events, Health, Login, Register, RequestReset, Users,
};
use crate::mail::NoMail;
use crate::store::memory::MemoryStore;

fn builder() -> AuthBuilder {
    let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
    config.hash_threads = 1;
    config.public_url = Some("https://auth.example.com".to_owned());
    Auth::builder(MemoryStore::new()).config(config)
}

#[test]
fn only_mounts_exactly_what_it_names_or_the_error_names_what_that_lacks() {
    let cases: [(AuthBuilder, &[Endpoint], Result<(), &str>); 10] = [
        (builder(), &[], Ok(())),
        (builder(), &[Login], Ok(())),
        (builder(), &[Health], Ok(())),
        (builder().with(&[Register]), &[Users, Health], Ok(())),
        (builder().mailer(NoMail), &[RequestReset, AcceptInvitation], Ok(())),
        (builder(), &[RequestReset], Err("mailer")),
        (builder(), &[Login, Register], Err("mailer")),
        (builder(), &[CreateToken], Err("personal_tokens")),
        (builder(), &[Events], Err("audit_trail")),
        (builder().users(MemoryStore::new()), &[Users], Err("endpoints")),
    ];
    for (builder, named, expected) in cases {
        // Twice is once.
        let built = builder.only(&[named, named].concat()).build();
        let mounted = built.as_ref().map(|auth| {
            let endpoints = auth.routes().iter().flat_map(|route| route.endpoints());
            endpoints.copied().collect::<Vec<_>>()
        });
        let mounted = mounted.as_deref().map_err(|error| error.field());
        assert_eq!(mounted, expected.map(|()| named), "{named:?}");
    }
}
