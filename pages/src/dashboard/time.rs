//! Times as the dashboard writes them.

use maud::{Markup, html};

use crate::date::Date;

/// A time in seconds since 1970, to the second, in UTC: an operator compares it with a log.
pub(super) fn time(seconds: u64) -> Markup {
    let day = Date::of_seconds(seconds).machine_readable();
    let of_day = seconds % 86_400;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let clock = format!("{hour:02}:{minute:02}:{second:02}");
    html! { time datetime={ (day) "T" (clock) "Z" } { (day) " " (clock) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_to_the_second_in_utc() {
        let written = time(951_782_400 + 86_399).into_string();
        assert_eq!(written, "<time datetime=\"2000-02-29T23:59:59Z\">2000-02-29 23:59:59</time>");
    }
}
