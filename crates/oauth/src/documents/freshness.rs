//! How long a document is used before it is fetched again, by the headers of its answer (RFC 9111).

use core::time::Duration;

use postern_core::{http::http_date, ports::CacheHeaders};
use postern_jose::time::Timestamp;

/// However short its headers say: a document that is in use costs its host a fetch in five minutes at most.
pub(super) const SHORTEST: Duration = Duration::from_mins(5);

/// However long its headers say: a redirect URI that a client withdraws is refused after a week at the latest.
pub(super) const LONGEST: Duration = Duration::from_hours(7 * 24);

/// Without headers.
const UNSAID: Duration = Duration::from_hours(1);

/// How long a document that came with these headers is fresh, from now on.
pub(super) fn fresh_for(headers: &CacheHeaders, now: Timestamp) -> Duration {
    let age = headers.age.as_deref().and_then(seconds).unwrap_or_default();
    lifetime(headers, now).saturating_sub(age).clamp(SHORTEST, LONGEST)
}

fn lifetime(headers: &CacheHeaders, now: Timestamp) -> Duration {
    if let Some(said) = headers.cache_control.as_deref().and_then(by_cache_control) {
        return said;
    }
    let Some(expires) = &headers.expires else { return UNSAID };
    // A date that cannot be read, such as `0`, is in the past (RFC 9111 section 5.3).
    let date = headers.date.as_deref().and_then(http_date).unwrap_or(now);
    http_date(expires).map_or(Duration::ZERO, |expires| expires.since(date))
}

/// What `Cache-Control` says, if it says anything about time. This copy is shared by all users, so `s-maxage` comes before
/// `max-age`, and `private` forbids it (RFC 9111 section 5.2.2).
fn by_cache_control(value: &str) -> Option<Duration> {
    let (mut max_age, mut shared_max_age) = (None, None);
    for directive in value.split(',') {
        let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
        // A number that cannot be read is none (RFC 9111 section 4.2.1).
        let argument = || Some(seconds(argument.trim().trim_matches('"')).unwrap_or_default());
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" | "private" => return Some(Duration::ZERO),
            "max-age" => max_age = max_age.min(argument()).or(argument()),
            "s-maxage" => shared_max_age = shared_max_age.min(argument()).or(argument()),
            _ => {}
        }
    }
    shared_max_age.or(max_age)
}

/// Delta-seconds (RFC 9111 section 1.2.2). A number too large for its type is longer than every limit.
fn seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().map_or(LONGEST, Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1994-11-06T08:49:37Z.
    const NOW: Timestamp = Timestamp::from_seconds(784_111_777);

    fn fresh(cache_control: &str, age: &str, date: &str, expires: &str) -> u64 {
        let header = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let headers = CacheHeaders {
            cache_control: header(cache_control),
            age: header(age),
            date: header(date),
            expires: header(expires),
        };
        fresh_for(&headers, NOW).as_secs()
    }

    // Tests RFC 9111 section 4.2.1: s-maxage, then max-age, then Expires
    #[test]
    fn freshness_is_that_of_the_headers() {
        let of = |cache_control| fresh(cache_control, "", "", "");
        assert_eq!(of(""), 3600);
        assert_eq!(of("public"), 3600);
        assert_eq!(of("max-age=1800"), 1800);
        assert_eq!(of("Public, Max-Age=\"1800\""), 1800);
        assert_eq!(of("max-age=1800, s-maxage=900"), 900);
        assert_eq!(of("s-maxage=900,max-age=1800"), 900);
        assert_eq!(of("max-age=1800, max-age=900"), 900);
        assert_eq!(of("max-age=900, max-age=1800"), 900);
        assert_eq!(fresh("max-age=1800", "600", "", ""), 1200);
        assert_eq!(fresh("max-age=1800", "later", "", ""), 1800);
        let (date, expires) = ("Sun, 06 Nov 1994 08:00:00 GMT", "Sun, 06 Nov 1994 10:00:00 GMT");
        assert_eq!(fresh("", "", date, expires), 7200);
        assert_eq!(fresh("", "600", date, expires), 6600);
        assert_eq!(fresh("", "", "", expires), 4223);
        assert_eq!(fresh("max-age=1800", "", date, expires), 1800);
    }

    #[test]
    fn freshness_is_at_least_five_minutes_and_at_most_a_week() {
        for refused in ["no-store", "no-cache", "private", "max-age=0", "max-age=", "max-age=-1", "max-age=x"]
        {
            assert_eq!(fresh(refused, "", "", ""), 300, "{refused}");
            assert_eq!(fresh(&format!("{refused}, max-age=0"), "", "", ""), 300, "{refused}");
        }
        assert_eq!(fresh("no-store, max-age=86400", "", "", ""), 300);
        assert_eq!(fresh("max-age=1800", "9999", "", ""), 300);
        assert_eq!(fresh("", "", "", "0"), 300);
        assert_eq!(fresh("", "", "", "Sun, 06 Nov 1994 08:00:00 GMT"), 300);
        for long in ["max-age=31536000", "max-age=99999999999999999999999999"] {
            assert_eq!(fresh(long, "", "", ""), 604_800, "{long}");
        }
        assert_eq!(fresh("", "", "", "Fri, 31 Dec 9999 23:59:59 GMT"), 604_800);
    }
}
