//! Times as text, for clients that know no milliseconds: RFC 3339 in UTC, with milliseconds.

use chat_core::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A time as text.
pub fn written(at: Timestamp) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.millis()) * 1_000_000);
    at.ok().and_then(|at| at.format(&form).ok()).unwrap_or_default()
}

/// The time of a text, down to the millisecond.
pub fn read(text: &str) -> Option<Timestamp> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for (millis, text) in
            [(0, "1970-01-01T00:00:00.000Z"), (1_795_706_172_942, "2026-11-26T15:16:12.942Z")]
        {
            let at = Timestamp::from_millis(millis);
            assert_eq!((written(at).as_str(), read(text)), (text, Some(at)));
        }
        assert_eq!(read("2026-11-26T16:16:12.9429+01:00"), Some(Timestamp::from_millis(1_795_706_172_942)));
        assert_eq!(read("yesterday"), None);
    }
}
