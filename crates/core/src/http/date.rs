//! Dates in HTTP headers (RFC 9110 section 5.6.7).

use postern_jose::time::Timestamp;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Reads a date such as `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that servers send. `None` for any other text, and for
/// a time before 1970.
pub fn http_date(text: &str) -> Option<Timestamp> {
    let (_, rest) = text.split_once(", ")?;
    let mut fields = rest.split(' ');
    let day = number(fields.next()?, 1, 31)?;
    let name = fields.next()?;
    let month = u64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()? + 1;
    let year = number(fields.next()?, 1970, 9999)?;
    let mut time = fields.next()?.split(':');
    // A leap second is read as the next one.
    let (hours, minutes, seconds) =
        (number(time.next()?, 0, 23)?, number(time.next()?, 0, 59)?, number(time.next()?, 0, 60)?);
    // Days since 1970 of a Gregorian date, years counted from March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = (365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day)
        .checked_sub(719_469)?;
    Some(Timestamp::from_seconds(((days * 24 + hours) * 60 + minutes) * 60 + seconds))
}

fn number(text: &str, least: u64, most: u64) -> Option<u64> {
    let number = text.parse().ok()?;
    (least..=most).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tests RFC 9110 section 5.6.7: a date in a header
    #[test]
    fn dates_are_read_as_rfc_9110_writes_them() {
        let at = |text| http_date(text).map(Timestamp::seconds);
        assert_eq!(at("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(at("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(at("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        for text in [
            "",
            "0",
            "now",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 01 Jan 0000 00:00:00 GMT",
            "Sun, 01 Jan 18446744073709551615 00:00:00 GMT",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
