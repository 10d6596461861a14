//! Dates as a page writes them.

use crate::Language;

/// A day of the Gregorian calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    year: u64,
    month: u64,
    day: u64,
}

impl Date {
    /// The day of a time in seconds since 1970.
    ///
    /// Years are counted from March, so that a leap day is the last day of its year: then the month follows from the day by
    /// one division (Howard Hinnant, "chrono-compatible low-level date algorithms").
    pub const fn of_seconds(seconds: u64) -> Self {
        // 719 468 days from 0000-03-01 to 1970-01-01; 146 097 in 400 years.
        let days = seconds / 86_400 + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let is_next_year = month >= 10;
        Self {
            year: era * 400 + year + is_next_year as u64,
            month: if is_next_year { month - 9 } else { month + 3 },
            day: day - (153 * month + 2) / 5 + 1,
        }
    }

    /// As the attribute `datetime` has it.
    pub(crate) fn machine_readable(self) -> String {
        let Self { year, month, day } = self;
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// In figures, as is usual in the language. English has the order of ISO 8601, because 3/4 is two different days in
    /// English.
    pub(crate) fn in_figures(self, language: Language) -> String {
        let Self { year, month, day } = self;
        match language {
            Language::English => self.machine_readable(),
            Language::German => format!("{day}.{month}.{year}"),
            Language::French | Language::Spanish | Language::Arabic => format!("{day:02}/{month:02}/{year}"),
            Language::Japanese => format!("{year}/{month:02}/{day:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_709_164_800, "2024-02-29"),
            (1_735_689_599, "2024-12-31"),
            (1_735_689_600, "2025-01-01"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(Date::of_seconds(seconds).machine_readable(), day, "{seconds}");
        }
    }

    #[test]
    fn a_day_is_written_as_is_usual_in_the_language() {
        let day = Date::of_seconds(951_782_400);
        let written = Language::ALL.map(|language| day.in_figures(language));
        assert_eq!(
            written,
            ["2000-02-29", "29.2.2000", "29/02/2000", "29/02/2000", "2000/02/29", "29/02/2000"]
        );
    }
}
