//! Workers KV: one store, and a copy of what was read in each region.
//!
//! A region reads again when its copy is 30 s old, and then sees the value of up to 60 s ago, of another age each time: so
//! values come late, and older ones come after newer ones.

use core::cell::RefCell;
use std::collections::BTreeMap;

use crate::dice::Dice;

/// How long a region answers from its own copy: the `cacheTtl` that the Worker asks for.
const CACHE: u64 = 30_000;
/// How late a value may come to another region.
const LAG: u64 = 60_000;
/// One write a second for each key.
const WRITE_INTERVAL: u64 = 1000;

/// A value, and when it was written. `None`: there was none.
type Version = (u64, Option<String>);

#[derive(Debug, Default)]
struct Row {
    /// The newest last.
    versions: Vec<Version>,
    written_at: Option<u64>,
    /// By region: the value, and when it was read from the store.
    copies: BTreeMap<usize, Version>,
}

#[derive(Debug, Default)]
pub(crate) struct Kv {
    rows: RefCell<BTreeMap<String, Row>>,
    /// What was written last by a call that was answered.
    answered: RefCell<BTreeMap<String, String>>,
}

impl Kv {
    /// What a region reads. `is_stale` keeps it from renewing its copy.
    pub(crate) fn read(
        &self,
        key: &str,
        region: usize,
        now: u64,
        is_stale: bool,
        dice: &Dice,
    ) -> Option<String> {
        let mut rows = self.rows.borrow_mut();
        let row = rows.entry(key.to_owned()).or_default();
        if let Some((read_at, value)) = row.copies.get(&region)
            && (is_stale || now - read_at < CACHE)
        {
            return value.clone();
        }
        // The region where a value was written sees it at once. All are written from region 0, where the objects are.
        let lag = if region == 0 || dice.percent(50) { 0 } else { dice.between(0, LAG) };
        let seen = row.versions.iter().rev().find(|(written, _)| written + lag <= now);
        let value = seen.and_then(|(_, value)| value.clone());
        row.copies.insert(region, (now, value.clone()));
        value
    }

    /// Writes. `false`: the second write within a second, which the platform refuses with 429.
    pub(crate) fn write(&self, key: &str, value: &str, now: u64) -> bool {
        let mut rows = self.rows.borrow_mut();
        let row = rows.entry(key.to_owned()).or_default();
        if row.written_at.is_some_and(|at| now - at < WRITE_INTERVAL - 100) {
            return false;
        }
        row.written_at = Some(now);
        row.versions.push((now, Some(value.to_owned())));
        let keep = row.versions.len().saturating_sub(8);
        // What no region can be so late to see.
        let old = row.versions[..keep].iter().take_while(|(at, _)| at + 2 * LAG < now).count();
        row.versions.drain(..old);
        true
    }

    /// A write was answered.
    pub(crate) fn answer(&self, key: &str, value: &str) {
        self.answered.borrow_mut().insert(key.to_owned(), value.to_owned());
    }

    /// What the last answered write wrote.
    pub(crate) fn answered(&self, key: &str) -> Option<String> {
        self.answered.borrow().get(key).cloned()
    }

    /// The newest value, as no region need see it.
    pub(crate) fn newest(&self, key: &str) -> Option<String> {
        self.rows.borrow().get(key)?.versions.last()?.1.clone()
    }
}
