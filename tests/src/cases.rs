//! A case of the contract against a server of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use auth_core::store::{EventFilter, EventPage, EventRecord, Store};
use auth_core::{AuditTrail, AuthBuilder, Clock as _};
use auth_testkit::ManualClock;
use auth_testkit::contract::{Case, Subject, seed};
use auth_testkit::mail::MemoryMailer;

use crate::described::Described;
use crate::servers::Framework;

/// How a case is run.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    case: Case,
    framework: Framework,
    prefix: &'static str,
    keeps_events: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Seen {
    /// What the case saw: [`Subject::transcript`].
    pub transcript: String,
    /// What must not be seen anywhere else: [`Subject::secrets`].
    pub secrets: BTreeSet<String>,
    /// The audit trail, where one was [kept](Run::keeping_events).
    pub events: Vec<EventRecord>,
}

impl Run {
    /// With the routes at the root.
    #[must_use]
    pub const fn of(case: Case, framework: Framework) -> Self {
        Self { case, framework, prefix: "", keeps_events: false }
    }

    /// With the routes under a prefix.
    #[must_use]
    pub const fn under(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }

    /// With an audit trail, also where the case wants none.
    #[must_use]
    pub const fn keeping_events(self) -> Self {
        Self { keeps_events: true, ..self }
    }

    /// Runs it over a store that nobody else uses.
    ///
    /// # Errors
    /// What the case says when it fails.
    ///
    /// # Panics
    /// When the server cannot be started.
    pub async fn over(self, store: impl Store, auth: AuthBuilder) -> Result<Seen, String> {
        let Self { case, framework, prefix, keeps_events } = self;
        let clock = ManualClock::stopped();
        let accounts = seed(&store, clock.now()).await;
        let mailer = MemoryMailer::new();
        let mut config = case.variant.config();
        if keeps_events {
            config.audit_trail.get_or_insert_with(AuditTrail::default);
        }
        let auth =
            auth.config(config).clock(clock.clone()).mailer(mailer.clone()).with(case.variant.endpoints()).build();
        let auth = auth.expect("a configuration");
        let described = Described::by(&auth, prefix);
        let server = framework.serve(&auth, prefix).await;
        let subject = Subject::new(server.addr, prefix, clock, Arc::new(store), accounts).with_mailer(mailer);
        // A case fails by panicking; in a task of its own it takes nothing else with it.
        let outcome = tokio::spawn(async move {
            (case.run)(&subject).await;
            described.assert_all(&subject.exchanges());
            let page = EventPage { filter: EventFilter::default(), after: None, skip: 0, limit: 10_000 };
            let events = if keeps_events { auth.events(&page).await.expect("a store that works") } else { Vec::new() };
            Seen { transcript: subject.transcript(), secrets: subject.secrets(), events }
        });
        outcome.await.map_err(|error| {
            let panic = error.into_panic();
            let message = panic.downcast_ref::<String>().cloned();
            let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            message.unwrap_or_else(|| "panicked".to_owned())
        })
    }
}
