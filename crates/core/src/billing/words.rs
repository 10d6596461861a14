//! An estimate in words.

use super::{
    estimate::{Estimate, Line},
    prices::READ_ON,
};

impl Estimate {
    /// Which limits come first, and when, and what the figures are: a sentence or two for each.
    pub fn words(&self) -> [String; 3] {
        let free = self
            .first_free_limit()
            .map_or_else(|| "Free plan: no daily limit is near.".to_owned(), first_free);
        let paid = self.first_included();
        let paid = paid
            .map_or_else(|| "Paid plan: hardly anything of what is included is used.".to_owned(), first_paid);
        let early =
            if self.is_early { "Less than a day was counted, which is no measure of a month. " } else { "" };
        let what = format!(
            "{early}Reckoned up to 30 days from what was counted; prices of {READ_ON} in US dollars. ~ is estimated. Stored bytes, other \
             Workers of the account, queues and logs are not in it."
        );
        [free, paid, what]
    }
}

impl Line {
    /// What it is. An estimated amount is marked.
    pub fn title(&self) -> String {
        [self.price.title, if self.price.estimated { "~" } else { "" }].concat()
    }

    /// An amount in the unit that people read, rounded up.
    pub fn in_unit(&self, amount: u64) -> u64 {
        amount.div_ceil(self.price.divisor)
    }
}

fn first_free(line: &Line) -> String {
    let title = line.price.title;
    let part = line.of_free_limit().unwrap_or_default();
    match line.reached_after() {
        Some(seconds) => format!(
            "Free plan: the first limit is {title}, reached every day at about {:02}:{:02} UTC; after that, calls fail until \
             00:00 UTC.",
            seconds / 3600,
            seconds % 3600 / 60
        ),
        None => format!(
            "Free plan: the first limit is {title}, at {} of it a day. It is reached with {} times the traffic.",
            percent(part),
            times(part)
        ),
    }
}

fn first_paid(line: &Line) -> String {
    let title = line.price.title;
    match line.used_up_on() {
        Some(day) => format!(
            "Paid plan: the first to cost more is {title}: what is included is used up on day {day} of a month. No limit ends \
             the service."
        ),
        None => format!(
            "Paid plan: the first to cost more will be {title}, with {} times the traffic. No limit ends the service.",
            times(line.of_included())
        ),
    }
}

/// Millionths of a dollar, rounded to cents.
pub fn dollars(micros: u64) -> String {
    if micros > 0 && micros < 5_000 {
        return "<$0.01".to_owned();
    }
    let cents = micros.saturating_add(5_000) / 10_000;
    format!("${}.{:02}", cents / 100, cents % 100)
}

/// Thousandths as a percentage.
pub fn percent(thousandths: u64) -> String {
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

/// With how many times the traffic these thousandths are the whole.
fn times(thousandths: u64) -> String {
    let tenths = 10_000 / thousandths.max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}
