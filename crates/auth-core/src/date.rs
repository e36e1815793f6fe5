//! Dates as mails, file names and answers have them, always in UTC.

use crate::clock::Timestamp;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The header `Date`: `Thu, 01 Jan 1970 00:00:00 +0000` (RFC 5322 3.3).
pub(crate) fn rfc5322(at: Timestamp) -> String {
    let Parts { weekday, year, month, day, hour, minute, second, .. } = Parts::of(at);
    let weekday = DAYS.get(weekday).copied().unwrap_or_default();
    let month = MONTHS.get(month - 1).copied().unwrap_or_default();
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} +0000")
}

/// For file names, which then sort by time: `19700101T000000.000Z`.
pub(crate) fn compact(at: Timestamp) -> String {
    let Parts { year, month, day, hour, minute, second, millis, .. } = Parts::of(at);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}.{millis:03}Z")
}

/// As JavaScript writes them in JSON, which is how Directus tells when to try again: `2026-11-24T11:15:01.000Z`.
pub(crate) fn iso8601(at: Timestamp) -> String {
    let Parts { year, month, day, hour, minute, second, millis, .. } = Parts::of(at);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

struct Parts {
    weekday: usize,
    year: i64,
    month: usize,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    millis: i64,
}

impl Parts {
    fn of(at: Timestamp) -> Self {
        let seconds = at.as_secs();
        let (days, seconds_of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        Self {
            weekday: usize::try_from(days.rem_euclid(7)).unwrap_or_default(),
            year,
            month,
            day,
            hour: seconds_of_day / 3_600,
            minute: seconds_of_day / 60 % 60,
            second: seconds_of_day % 60,
            millis: at.as_millis().rem_euclid(1_000),
        }
    }
}

/// Year, month and day of the `days`th day after 1970-01-01, in years that begin in March so that the leap day comes
/// last: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil(days: i64) -> (i64, usize, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, usize::try_from(month).unwrap_or(1), day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_other_programs() {
        // By `TZ=UTC date -R -d @…`.
        for (seconds, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 +0000"),
            (1_795_517_757, "Tue, 24 Nov 2026 10:55:57 +0000"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 +0000"),
            (-1, "Wed, 31 Dec 1969 23:59:59 +0000"),
        ] {
            assert_eq!(rfc5322(Timestamp::from_secs(seconds)), expected);
        }
        assert_eq!(compact(Timestamp::from_millis(1_795_517_757_042)), "20261124T105557.042Z");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        // By `date -u -d @… +%FT%T`.
        for (millis, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_210_096_789, "2024-02-29T12:34:56.789Z"),
            (1_709_251_200_000, "2024-03-01T00:00:00.000Z"),
            (1_800_000_000_000, "2027-01-15T08:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(iso8601(Timestamp::from_millis(millis)), expected);
        }
    }
}
