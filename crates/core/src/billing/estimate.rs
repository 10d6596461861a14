//! Amounts times prices.

use super::prices::{COUNTED, Item, PLAN_MICROS, PRICES, Price};

const DAY: u64 = 24 * 60 * 60;
const MONTH_DAYS: u64 = 30;
const MILLION: u128 = 1_000_000;

/// Processor time in microseconds of a request at the gate, of another call, and of a password's hash. Measured figures,
/// rounded up (docs/reference/scaling.md).
const GATE_MICROS: u64 = 200;
const CALL_MICROS: u64 = 4_000;
const HASH_MICROS: u64 = 56_000;

/// What an object's request is billed, in hundred-thousandths of a GB-s: 10 ms in 128 MB.
const REQUEST_GB_S: u64 = 128;

/// How much there was of each thing that is billed, in the order of [`PRICES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts(pub(super) [u64; COUNTED]);

impl Amounts {
    /// What was counted: requests at the gate, passwords that were hashed, and `usage`, the counter `postern_usage_total` by
    /// its label.
    pub fn counted(gate_requests: u64, hashes: u64, usage: impl Fn(&str) -> u64) -> Self {
        let calls = usage("own_requests");
        let cpu = gate_requests
            .saturating_mul(GATE_MICROS)
            .saturating_add(calls.saturating_mul(CALL_MICROS))
            .saturating_add(hashes.saturating_mul(HASH_MICROS));
        Self(PRICES.map(|price| match price.item {
            Item::Requests => gate_requests.saturating_add(calls),
            Item::CpuMillis => cpu.div_ceil(1000),
            Item::ObjectDuration => usage("object_requests").saturating_mul(REQUEST_GB_S).div_ceil(100),
            Item::ObjectRequests
            | Item::ObjectRowsRead
            | Item::ObjectRowsWritten
            | Item::KvReads
            | Item::KvWrites
            | Item::D1RowsRead
            | Item::D1RowsWritten => usage(price.name),
        }))
    }

    /// The dollars that these amounts cost beyond what is included, in millionths.
    pub fn micros(&self) -> u64 {
        let all = PRICES.iter().zip(self.0);
        all.map(|(price, amount)| micros(price, amount)).fold(0, u64::saturating_add)
    }
}

/// What one thing costs at the present rate.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// Its price.
    pub price: &'static Price,
    /// How much a day.
    pub a_day: u64,
    /// How much in 30 days.
    pub a_month: u64,
    /// What a month costs beyond what is included, in millionths of a dollar.
    pub micros: u64,
}

impl Line {
    /// The part of the free plan's daily limit that a day uses, in thousandths.
    pub fn of_free_limit(&self) -> Option<u64> {
        self.price.free_a_day.map(|limit| part(self.a_day, 1000, limit))
    }

    /// The part of what the paid plan includes that a month uses, in thousandths.
    pub fn of_included(&self) -> u64 {
        part(self.a_month, 1000, self.price.included)
    }

    /// The seconds after 00:00 UTC at which a day's use reaches the free plan's limit, if it does.
    pub fn reached_after(&self) -> Option<u64> {
        let limit = self.price.free_a_day?;
        (self.a_day > limit).then(|| part(limit, DAY, self.a_day))
    }

    /// The day of the month, from 1, on which what is included is used up, if it is.
    pub fn used_up_on(&self) -> Option<u64> {
        let over = self.a_month > self.price.included;
        over.then(|| part(self.price.included, MONTH_DAYS, self.a_month).saturating_add(1))
    }
}

/// What a deployment costs in a month at the present rate.
#[derive(Debug)]
pub struct Estimate {
    /// One line for each price, in the order of [`PRICES`].
    pub lines: Vec<Line>,
    /// Whether less than a day was counted: the night, or the first minutes, are no measure of a month.
    pub(super) is_early: bool,
}

impl Estimate {
    /// The amounts of so many seconds go on at the same rate. A time of less than a minute counts as a minute.
    pub fn new(Amounts(amounts): Amounts, seconds: u64) -> Self {
        let is_early = seconds < DAY;
        let seconds = seconds.max(60);
        let lines = PRICES.iter().zip(amounts).map(|(price, amount)| {
            let a_month = part(amount, DAY * MONTH_DAYS, seconds);
            Line { price, a_day: part(amount, DAY, seconds), a_month, micros: micros(price, a_month) }
        });
        Self { lines: lines.collect(), is_early }
    }

    /// A month on the paid plan, in millionths of a dollar.
    pub fn total_micros(&self) -> u64 {
        self.lines.iter().map(|line| line.micros).fold(PLAN_MICROS, u64::saturating_add)
    }

    /// The line that is nearest to its daily limit on the free plan.
    pub fn first_free_limit(&self) -> Option<&Line> {
        let limited = self.lines.iter().filter(|line| line.of_free_limit().is_some_and(|part| part > 0));
        limited.max_by_key(|line| line.of_free_limit())
    }

    /// The line that is nearest to the end of what the paid plan includes.
    pub fn first_included(&self) -> Option<&Line> {
        self.lines.iter().filter(|line| line.of_included() > 0).max_by_key(|line| line.of_included())
    }
}

/// `amount * times / whole`, rounded down. Zero of nothing.
fn part(amount: u64, times: u64, whole: u64) -> u64 {
    let product = u128::from(amount) * u128::from(times);
    u64::try_from(product / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

fn micros(price: &Price, a_month: u64) -> u64 {
    let beyond = u128::from(a_month.saturating_sub(price.included));
    u64::try_from(beyond * u128::from(price.micros_a_million) / MILLION).unwrap_or(u64::MAX)
}
