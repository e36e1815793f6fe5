//! Durations as Directus users write them: `15m`, `7d`, `1d`, `10s`, `250ms`, or milliseconds without a unit.

use std::time::Duration;

/// The duration that `text` names, or `None`.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let millis = match unit.trim() {
        "" | "ms" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        "w" | "week" | "weeks" => 7 * 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_directus_reads_them() {
        for (text, millis) in [
            ("15m", Some(900_000)),
            ("7d", Some(604_800_000)),
            ("10s", Some(10_000)),
            ("250ms", Some(250)),
            ("10000", Some(10_000)),
            (" 1 h ", Some(3_600_000)),
            ("2 weeks", Some(1_209_600_000)),
            ("0", Some(0)),
            ("", None),
            ("d", None),
            ("-1d", None),
            ("1.5h", None),
            ("1y", None),
            ("15m15s", None),
            ("99999999999999999999d", None),
            ("18446744073709551615d", None),
        ] {
            assert_eq!(parse(text), millis.map(Duration::from_millis), "{text:?}");
        }
    }
}
