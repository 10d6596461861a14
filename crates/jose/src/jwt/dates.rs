//! `NumericDate` (RFC 7519 section 2) as a point in time.

use crate::{json::BorrowedValue, time::Timestamp};

/// The last second of the year 9999: beyond it calendars and other libraries disagree.
const MAX_SECONDS: u64 = 253_402_300_799;

/// Reads a date claim: a finite JSON number from 0 to the year 9999, whole or fractional
/// (rounded down to the millisecond). Text, booleans and negative numbers are no dates.
pub(super) fn numeric_date(value: &BorrowedValue<'_>) -> Option<Timestamp> {
    let BorrowedValue::Number(number) = value else {
        return None;
    };
    if let Some(seconds) = number.as_u64() {
        return (seconds <= MAX_SECONDS).then(|| Timestamp::from_seconds(seconds));
    }
    let seconds = number.as_f64()?;
    #[expect(clippy::cast_precision_loss, reason = "the bound is below 2^53")]
    let max = MAX_SECONDS as f64;
    if !(0.0..=max).contains(&seconds) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 2.6e14 by the check above"
    )]
    let millis = (seconds * 1000.0).floor() as u64;
    Some(Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn date(value: &serde_json::Value) -> Option<Timestamp> {
        numeric_date(&value.into())
    }

    // Tests RFC 7519 section 2: a NumericDate is a number of seconds, fractions included
    #[test]
    fn only_finite_numbers_in_range_are_dates() {
        assert_eq!(date(&json!(0)), Some(Timestamp::from_millis(0)));
        assert_eq!(date(&json!(1.5)), Some(Timestamp::from_millis(1500)));
        assert_eq!(date(&json!(1e9)), Some(Timestamp::from_seconds(1_000_000_000)));
        assert_eq!(date(&json!(MAX_SECONDS)), Some(Timestamp::from_seconds(MAX_SECONDS)));
        for odd in [
            json!(MAX_SECONDS + 1),
            json!(-1),
            json!(-0.5),
            json!(1e300),
            json!(u64::MAX),
            json!("1700000000"),
            json!(true),
            json!(null),
            json!([1]),
            json!({"s": 1}),
        ] {
            assert_eq!(date(&odd), None, "{odd}");
        }
    }
}
