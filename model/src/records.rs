//! The stored records as text: read, moved in time and renamed, apart from the code under test.

use std::collections::BTreeMap;

use postern_app::time::Timestamp;
use serde_json::{Value, json};

use crate::object::{ABSOLUTE, Generation, IDLE, REUSE, TICK, TOP};

/// When it always is: late enough for every age to be subtracted.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(10_000_000_000);

/// All records of an object, as (kind, id) to text.
pub(crate) type Rows = BTreeMap<(String, String), String>;

/// What the stored record says, read apart from the code under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) count: Generation,
    pub(crate) life: Life,
    /// The stored hash is that of the generation's one secret.
    pub(crate) true_secret: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// `expired`: a lifetime is over, and nobody has noted it.
    Alive {
        age: u8,
        expired: bool,
        confirmed: bool,
        late: u8,
        run: u8,
    },
    Ended {
        reuse: bool,
    },
    Gone,
}

impl View {
    pub(crate) const fn alive(self) -> bool {
        matches!(self.life, Life::Alive { .. })
    }
}

/// One generation less, with that generation's secret.
pub(crate) fn rename(rows: &mut Rows, hashes: &[String]) {
    edit_family(rows, |family| {
        let count = family["rotation_count"].as_u64().unwrap_or(0).saturating_sub(1);
        family["rotation_count"] = json!(count);
        if let Some(hash) = family.pointer_mut("/state/alive/secret_hash")
            && let Some(at) = hashes.iter().position(|known| hash.as_str() == Some(known))
        {
            *hash = json!(hashes[at.saturating_sub(1)]);
        }
    });
}

/// Reads a stored object, apart from the code under test.
pub(crate) fn view(rows: &Rows, hashes: &[String], absolute: bool) -> View {
    let mut view = View { count: TOP, life: Life::Gone, true_secret: true };
    let mut revoked = false;
    edit(&mut rows.clone(), "account", |meta| revoked = meta["epoch"] == json!(1));
    edit_family(&mut rows.clone(), |family| {
        view.count = small(&family["rotation_count"]);
        let alive = &family["state"]["alive"];
        if revoked || alive.is_null() {
            view.life = Life::Ended { reuse: family.pointer("/state/ended/reason/reuse").is_some() };
            return;
        }
        view.true_secret =
            alive["secret_hash"].as_str() == hashes.get(usize::from(view.count)).map(String::as_str);
        let ticks_since = |key| (NOW.millis() - millis(&family[key])) / tick_millis();
        let age = u8::try_from(ticks_since("rotated_at")).unwrap_or(u8::MAX);
        view.life = Life::Alive {
            age,
            expired: age >= IDLE || (absolute && ticks_since("created_at") >= u64::from(ABSOLUTE)),
            confirmed: alive["receipt"] != json!("unconfirmed"),
            late: small(&alive["late_retries"]),
            run: small(&alive["late_only_rotations"]),
        };
    });
    view
}

/// Drops from a family what the rules cannot see.
pub(crate) fn settle(family: &mut Value, absolute: bool) {
    let now = NOW.millis();
    let not_before = |age: u8| now - tick_millis() * u64::from(age);
    let ended = !family["state"]["ended"].is_null();
    let rotated_at = if ended { now } else { millis(&family["rotated_at"]).max(not_before(IDLE)) };
    family["rotated_at"] = json!(rotated_at);
    let seen_at = if ended { now } else { millis(&family["seen_at"]).max(not_before(IDLE)) };
    family["seen_at"] = json!(seen_at);
    let created_at =
        if absolute { millis(&family["created_at"]).max(not_before(ABSOLUTE)) } else { rotated_at };
    family["created_at"] = json!(created_at);
    if let Some(at) = confirmed_at(family) {
        *at = json!(millis(at).max(not_before(REUSE)));
    }
    if let Some(at) = family.pointer_mut("/state/ended/at") {
        *at = json!(now);
    }
}

/// When the receipt was confirmed, if it was.
pub(crate) fn confirmed_at(family: &mut Value) -> Option<&mut Value> {
    family.pointer_mut("/state/alive/receipt/confirmed/at")
}

pub(crate) fn tick_millis() -> u64 {
    u64::try_from(TICK.as_millis()).expect("a short tick")
}

pub(crate) fn millis(value: &Value) -> u64 {
    value.as_u64().expect("a timestamp")
}

fn small(value: &Value) -> u8 {
    value.as_u64().and_then(|number| u8::try_from(number).ok()).expect("a small number")
}

pub(crate) fn count(rows: &Rows) -> Option<u64> {
    let mut count = None;
    edit_family(&mut rows.clone(), |family| count = family["rotation_count"].as_u64());
    count
}

/// Changes the stored records of a kind.
pub(crate) fn edit(rows: &mut Rows, kind: &str, change: impl FnOnce(&mut Value)) {
    if let Some((_, text)) = rows.iter_mut().find(|((of, _), _)| of == kind) {
        let mut record: Value = serde_json::from_str(text).expect("a record");
        change(&mut record["record"]);
        *text = record.to_string();
    }
}

/// Changes the stored family.
pub(crate) fn edit_family(rows: &mut Rows, change: impl FnOnce(&mut Value)) {
    edit(rows, "family", |record| change(&mut record["family"]));
}

/// Begins the time after the receipt anew, as a mutant would.
pub(crate) fn slide_receipt(family: &mut Value) {
    if let Some(at) = confirmed_at(family) {
        *at = json!(NOW.millis());
    }
}

/// Ends the time after the receipt at once, as a mutant would.
pub(crate) fn end_receipt(family: &mut Value) {
    if let Some(at) = confirmed_at(family) {
        *at = json!(0);
    }
}

/// Begins the windows anew, as a mutant would.
pub(crate) fn slide(family: &mut Value) {
    family["rotated_at"] = json!(NOW.millis());
}
