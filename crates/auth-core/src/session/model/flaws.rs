//! What others got wrong, and what we might: each flaw makes the server break a promise, and the search must find it.
//! A model that cannot fail proves nothing.

/// One thing done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Read, validate, write, and nobody looks at the affected-row count: Keycloak CVE-2026-1035, CXF CVE-2026-50631,
    /// better-auth CVE-2026-53517.
    WritesWithoutComparing,
    /// The UPDATE lacks `AND revoked_at IS NULL`.
    IgnoresTheTombstone,
    /// An ORM that saves every column as it was read.
    SavesTheRowItRead,
    /// The previous token is let in and handed back, instead of its successor.
    EchoesTheToken,
    /// Every refresh rotates, also within the grace (Supabase 8959): a third tab logs everybody out.
    RotatesInTheGrace,
    /// Whoever loses the race looks at the clock again, and finds that its own wait was too long.
    LosersCountAnew,
    /// A previous token under a clock that was set back counts as stolen.
    TakesAClockFaultForReuse,
    /// The grace lets in tokens several generations old: django-oauth-toolkit.
    ForgivesGrandparents,
    /// The parent of the current token is always let in, as GoTrue does: a thief who takes turns is never found out.
    AcceptsTheParentForEver,
    /// The idle end moves past the absolute one.
    ForgetsTheAbsoluteEnd,
    /// Nobody looks at the ends at all.
    NeverExpires,
    /// The row holds a part of the secret.
    KeepsHalfASecret,
    /// Knowing a session's id suffices to end it.
    BelievesAnyFamily,
    /// A generation that the database has not seen counts as stolen.
    TakesALostCommitForReuse,
    /// A retry after a lost answer is refused.
    KnowsNoReplay,
}

#[cfg(test)]
mod tests {
    use super::super::search::{Violation, search};
    use super::super::steps::Setting;
    use super::super::world::Budget;
    use super::super::{AROUND_THE_GRACE, NOTHING};
    use super::*;

    fn violation(flaw: Flaw) -> Violation {
        let budget = Budget {
            requests: if flaw == Flaw::ForgivesGrandparents { 4 } else { 3 },
            clock_steps: 2,
            acts: u8::from(matches!(flaw, Flaw::IgnoresTheTombstone | Flaw::SavesTheRowItRead)),
            failovers: u8::from(flaw == Flaw::TakesALostCommitForReuse),
            forgeries: u8::from(flaw == Flaw::BelievesAnyFamily),
            ..NOTHING
        };
        let clock: &[i16] = match flaw {
            Flaw::ForgetsTheAbsoluteEnd | Flaw::NeverExpires => &[900],
            Flaw::TakesAClockFaultForReuse => &[-61],
            Flaw::ForgivesGrandparents | Flaw::AcceptsTheParentForEver => &[10],
            _ => AROUND_THE_GRACE,
        };
        let found = search(&Setting { jars: 2, at_once: 3, clock, budget }, Some(flaw));
        let violation = found.violation.unwrap_or_else(|| panic!("{flaw:?} is not found in {} states", found.states));
        println!("{flaw:?}: {} after\n{}\n", violation.broken.join(", "), violation.trace.join("\n"));
        violation
    }

    #[test]
    fn every_flaw_breaks_its_promise() {
        for (flaw, promise) in [
            (Flaw::WritesWithoutComparing, "I1"),
            (Flaw::IgnoresTheTombstone, "I2"),
            (Flaw::EchoesTheToken, "I3"),
            (Flaw::SavesTheRowItRead, "I4"),
            (Flaw::RotatesInTheGrace, "I5"),
            (Flaw::LosersCountAnew, "I5"),
            (Flaw::TakesAClockFaultForReuse, "I5"),
            (Flaw::TakesALostCommitForReuse, "I5"),
            (Flaw::ForgivesGrandparents, "I6"),
            (Flaw::AcceptsTheParentForEver, "I6"),
            (Flaw::ForgetsTheAbsoluteEnd, "I7"),
            (Flaw::NeverExpires, "I7"),
            (Flaw::KeepsHalfASecret, "I8"),
            (Flaw::BelievesAnyFamily, "I9"),
            (Flaw::TakesALostCommitForReuse, "I9"),
            (Flaw::KnowsNoReplay, "R4"),
        ] {
            let broken = violation(flaw).broken;
            assert!(broken.contains(&promise), "{flaw:?} breaks {broken:?}, not {promise}");
        }
    }

    /// The report behind deviation D1, found by the search alone: a server that rotates within the grace logs out a tab
    /// that was never late (Supabase 8959).
    #[test]
    fn rotating_in_the_grace_logs_a_third_tab_out_at_once() {
        let trace = violation(Flaw::RotatesInTheGrace).trace;
        let written: Vec<_> = trace.iter().filter(|line| line.contains("writes")).map(String::as_str).collect();
        assert_eq!(
            written,
            [
                "    0 s  the server writes for tab 0's refresh with g0: the answer is g1",
                "    0 s  the server writes for tab 0's refresh with g1: the answer is g2",
                "    0 s  the server writes for tab 1's refresh with g0: the session is ended for reuse",
            ]
        );
    }

    /// Without looking at the affected-row count, two requests that read the same row both rotate it: two tokens, and
    /// only the second is alive.
    #[test]
    fn writing_without_comparing_rotates_one_generation_twice() {
        let trace = violation(Flaw::WritesWithoutComparing).trace;
        let written: Vec<_> = trace.iter().filter(|line| line.contains("writes")).map(String::as_str).collect();
        assert_eq!(
            written,
            [
                "    0 s  the server writes for tab 0's refresh with g0: the answer is g1",
                "    0 s  the server writes for tab 0's refresh with g0: the answer is g1'",
            ]
        );
    }
}
