//! The Throttle object's decisions: read, decide, write, with nothing awaited between.

use core::time::Duration;

use super::{
    lockout::Step,
    messages::{
        Allowance, Charge, MAX_ROWS, Refund, Refused, ThrottleAnswer, ThrottleRequest, ThrottleState,
    },
};
use crate::ports::{Component, Fault, Records};
use postern_jose::time::Timestamp;

/// The kind of all rows.
const KIND: &str = "throttle";

/// How often an object looks for rows that say nothing any more. Addresses are personal: they
/// go within this time after the last of what they did has lost its meaning.
pub const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// One shard of what is limited, over the object's records.
#[derive(Debug)]
pub struct Throttle<R> {
    records: R,
}

impl<R: Records> Throttle<R> {
    /// Over these records.
    pub const fn new(records: R) -> Self {
        Self { records }
    }

    /// Decides one request.
    pub fn serve(&self, request: &ThrottleRequest, now: Timestamp) -> ThrottleAnswer {
        let decided = match request {
            ThrottleRequest::Take { claims } => self.take(claims, now),
            ThrottleRequest::Forgive { pardons } => self.forgive(pardons),
            ThrottleRequest::Read { rows } => self.standings(rows, now),
            ThrottleRequest::Clear { rows } => self.clear(rows),
        };
        decided.unwrap_or_else(|fault| ThrottleAnswer::Unavailable { cause: fault.to_string() })
    }

    fn take(&self, claims: &[Charge], now: Timestamp) -> Result<ThrottleAnswer, Fault> {
        let mut charged: Vec<(&String, ThrottleState, Allowance)> = Vec::with_capacity(claims.len());
        for (index, claim) in claims.iter().enumerate() {
            if charged.iter().any(|(_, _, grant)| grant.locked) {
                // Nothing will be tried, so no other count of failures grows by it.
                break;
            }
            let before = self.read(&claim.row)?;
            let mut after = before.clone();
            match charge(claim, &mut after, now) {
                Ok(grant) => charged.push((&claim.row, after, grant)),
                Err((until, locked)) => {
                    let mut refused = Refused { claim: index, until, locked, alarm: false, settled: true };
                    // Who is refused is not charged, but noticed as long as that is news: at most
                    // as often as it takes to raise the alarm.
                    if let Some(spread) = claim.spread
                        && !before.seen.is_alarmed(now)
                    {
                        refused.settled = false;
                        if !before.seen.ones.contains_key(&claim.one) {
                            let mut noticed = before;
                            refused.alarm = spread.note(&mut noticed.seen, &claim.one, now);
                            self.write(&claim.row, &noticed)?;
                        }
                    }
                    return Ok(ThrottleAnswer::Refused(refused));
                }
            }
        }
        for (row, standing, _) in &charged {
            self.write(row, standing)?;
        }
        Ok(ThrottleAnswer::Taken { grants: charged.into_iter().map(|(_, _, grant)| grant).collect() })
    }

    fn forgive(&self, pardons: &[Refund]) -> Result<ThrottleAnswer, Fault> {
        for pardon in pardons {
            let mut standing = self.read(&pardon.row)?;
            if pardon.all {
                standing.rung = super::LockoutState::default();
                standing.seen = super::DistinctCounter::default();
            } else {
                standing.rung = standing.rung.forgiven(pardon.forget, pardon.lock);
                standing.seen.ones.remove(&pardon.one);
                if pardon.alarm {
                    standing.seen.alarmed_until = Timestamp::default();
                }
            }
            self.write(&pardon.row, &standing)?;
        }
        Ok(ThrottleAnswer::Forgiven)
    }

    fn standings(&self, wanted: &[String], now: Timestamp) -> Result<ThrottleAnswer, Fault> {
        let mut rows = Vec::new();
        for (row, record) in self.records.scan(KIND)? {
            if rows.len() == MAX_ROWS {
                break;
            }
            if wanted.is_empty() || wanted.contains(&row) {
                let standing = decode(&record)?;
                if !standing.is_spent(now) {
                    rows.push((row, standing));
                }
            }
        }
        Ok(ThrottleAnswer::Standings { rows })
    }

    fn clear(&self, wanted: &[String]) -> Result<ThrottleAnswer, Fault> {
        for (row, _) in self.records.scan(KIND)? {
            if wanted.is_empty() || wanted.contains(&row) {
                self.records.remove(KIND, &row)?;
            }
        }
        Ok(ThrottleAnswer::Forgiven)
    }

    /// Removes the rows that say nothing any more. Whether any is left.
    pub fn sweep(&self, now: Timestamp) -> Result<bool, Fault> {
        let mut left = false;
        for (row, record) in self.records.scan(KIND)? {
            // A row that can't be read is of no use to anybody.
            if decode(&record).is_ok_and(|standing| !standing.is_spent(now)) {
                left = true;
            } else {
                self.records.remove(KIND, &row)?;
            }
        }
        Ok(left)
    }

    fn read(&self, row: &str) -> Result<ThrottleState, Fault> {
        match self.records.read(KIND, row)? {
            Some(record) => decode(&record),
            None => Ok(ThrottleState::default()),
        }
    }

    fn write(&self, row: &str, standing: &ThrottleState) -> Result<(), Fault> {
        let record =
            postern_jose::json::write(standing).map_err(|error| Fault::new(Component::Storage, error))?;
        self.records.write(KIND, row, &record)
    }
}

fn decode(record: &str) -> Result<ThrottleState, Fault> {
    postern_jose::json::read_known(record).map_err(|error| Fault::new(Component::Storage, error))
}

/// Charges one claim, or says until when it can't be and whether a lock is the cause.
fn charge(
    claim: &Charge,
    standing: &mut ThrottleState,
    now: Timestamp,
) -> Result<Allowance, (Timestamp, bool)> {
    let mut grant = Allowance::default();
    if let Some(rate) = claim.rate {
        let rate = if standing.seen.is_alarmed(now) { rate.tightened() } else { rate };
        let bucket = standing.buckets.get(&claim.bucket).copied().unwrap_or_default();
        let bucket = rate.take(bucket, now).map_err(|wait| (later(now, wait), false))?;
        standing.buckets.retain(|_, bucket| !bucket.is_full(now));
        standing.buckets.insert(claim.bucket.clone(), bucket);
    }
    if let Some(ladder) = &claim.ladder {
        let (rung, step) = ladder.attempt(standing.rung, now);
        standing.rung = rung;
        match step {
            Step::Locked { until } if ladder.refuses => return Err((until, true)),
            Step::Locked { .. } => grant.locked = true,
            Step::Try { delay, lock } => {
                grant.delay = u32::try_from(delay.as_millis()).unwrap_or(u32::MAX);
                grant.lock = lock;
            }
        }
    }
    if let Some(spread) = claim.spread {
        grant.alarm = spread.note(&mut standing.seen, &claim.one, now);
    }
    Ok(grant)
}

/// Rounded up to the millisecond: never told too early.
fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.plus(wait + Duration::from_micros(999))
}

#[cfg(test)]
mod tests;
