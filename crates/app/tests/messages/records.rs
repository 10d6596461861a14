//! Records of objects of two versions: rows that a version stored which is out are read by today's code, and today's rows
//! have nothing that the reader of that version would refuse.
//!
//! `samples/VERSION/records.jsonl` has the rows of each object, as each call left them, a line for each. It is written with
//! the messages of a release.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use pollster::block_on;
use postern_app::{
    account::{Account, AccountAnswer, AccountRequest},
    audit::{AuditAnswer, AuditChain, AuditRequest},
    keys::{KeyRingAnswer, KeyRingRequest, RingPolicy},
    metrics::{MetricsAnswer, MetricsRequest, Shard},
    ports::memory::MemoryRecords,
    revocation::{Feed, FeedAnswer, FeedPolicy, FeedRequest},
};
use serde_json::{Value, json};

use super::{common, is_read_by, play, recorded};
use crate::tests::keys_support::{START, empty_ring, masters};

/// Kinds of records that an older version passes over when it cannot read them, because they decide nothing or may be
/// lost.
const MAY_BE_LOST: [&str; 2] = ["activity", "throttle"];

/// Objects inside records whose members are data: names of series, isolates, limits, or pseudonyms.
const MAPS: [&str; 4] = ["series", "isolates", "buckets", "ones"];

/// Members that today's code writes and the recorded versions did not, as `KIND/path`, each with the release that reads it.
/// That release must be before the one that writes it.
const SECOND_STEP: [&str; 0] = [];

type Rows = BTreeMap<(String, String), String>;

/// As a line of the file.
fn line(object: &str, rows: &Rows) -> String {
    let rows: Vec<Value> = rows.iter().map(|((kind, id), record)| json!([kind, id, record])).collect();
    json!({"object": object, "rows": rows}).to_string()
}

fn read_line(line: &str) -> (String, Rows) {
    let value: Value = serde_json::from_str(line).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let row = |row: &Value| ((text(&row[0]), text(&row[1])), text(&row[2]));
    (text(&value["object"]), value["rows"].as_array().unwrap().iter().map(row).collect())
}

pub(super) fn record(folder: &Path) {
    let mut lines = Vec::new();
    for stored in play::stored() {
        let line = line(stored.object, &stored.rows) + "\n";
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    fs::write(folder.join("records.jsonl"), lines.concat()).unwrap();
}

/// Whether the object of today's code serves with these rows.
fn serves(object: &str, rows: Rows) -> Result<(), String> {
    let records = MemoryRecords::default();
    records.restore(rows);
    let failed = match object {
        "account" => {
            let account = Account::new(records);
            [AccountRequest::Sessions, AccountRequest::Activity]
                .iter()
                .map(|request| account.serve(request, START).answer)
                .find(|answer| matches!(answer, AccountAnswer::Unavailable { .. }))
                .map(|answer| format!("{answer:?}"))
        }
        "feed" => {
            match Feed::new(records).serve(&FeedRequest::Snapshot {}, START, &FeedPolicy::default()).answer {
                answer @ FeedAnswer::Unavailable { .. } => Some(format!("{answer:?}")),
                _ => None,
            }
        }
        "key_ring" => {
            let (ring, _, _) = empty_ring(22, RingPolicy::default());
            ring.records().restore(records.snapshot());
            match block_on(ring.serve(&KeyRingRequest::Overview {})).answer {
                answer @ KeyRingAnswer::Unavailable { .. } => Some(format!("{answer:?}")),
                _ => None,
            }
        }
        "audit" => {
            match AuditChain::new(records).serve(
                AuditRequest::Page { after: 0, limit: 10 },
                START,
                &masters(),
            ) {
                answer @ AuditAnswer::Unavailable { .. } => Some(format!("{answer:?}")),
                _ => None,
            }
        }
        "metrics" => match Shard::new(records).serve(MetricsRequest::Read, START) {
            answer @ MetricsAnswer::Unavailable { .. } => Some(format!("{answer:?}")),
            _ => None,
        },
        // It forgets what it cannot read.
        "throttle" => None,
        other => Some(format!("no such object: {other}")),
    };
    failed.map_or(Ok(()), Err)
}

/// The paths of all members. What is in a map is under one name.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let is_map = MAPS.iter().any(|map| path.rsplit('/').next() == Some(map));
            for (name, value) in members {
                let below = format!("{path}/{}", if is_map { "*" } else { name });
                paths(value, &below, found);
                found.insert(below);
            }
        }
        Value::Array(items) => {
            for item in items {
                paths(item, path, found);
            }
        }
        // Names of variants without members are names, too.
        Value::String(name)
            if path.ends_with("/reason") || path.ends_with("/receipt") || path.ends_with("/rule") =>
        {
            found.insert(format!("{path}/{name}"));
        }
        _ => {}
    }
}

/// The records by object and kind.
fn by_kind(all: impl Iterator<Item = (String, Rows)>) -> BTreeMap<String, Vec<Value>> {
    let mut kinds: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (object, rows) in all {
        for ((kind, _), record) in rows {
            if !MAY_BE_LOST.contains(&kind.as_str()) {
                kinds
                    .entry(format!("{object} {kind}"))
                    .or_default()
                    .push(serde_json::from_str(&record).unwrap());
            }
        }
    }
    kinds
}

fn today() -> BTreeMap<String, Vec<Value>> {
    by_kind(play::stored().into_iter().map(|stored| (stored.object.to_owned(), stored.rows)))
}

/// What an older version would refuse of these records, or would not find.
fn refused(old: &BTreeMap<String, Vec<Value>>, new: &BTreeMap<String, Vec<Value>>) -> BTreeSet<String> {
    let mut refused = BTreeSet::new();
    for (kind, records) in new {
        // An older version does not read a kind that it does not know.
        let Some(known) = old.get(kind) else { continue };
        let mut members = BTreeSet::new();
        for record in known {
            paths(record, "", &mut members);
        }
        let needed = common(known.clone());
        for record in records {
            let mut own = BTreeSet::new();
            paths(record, "", &mut own);
            refused.extend(own.difference(&members).map(|path| format!("{kind}{path}")));
            if !is_read_by(&needed, record) {
                refused.insert(format!("{kind}: lacks a part of {needed}"));
            }
        }
    }
    refused.retain(|path| !SECOND_STEP.contains(&path.as_str()));
    refused
}

#[test]
fn rows_of_a_version_that_is_out_are_read_today() {
    for line in recorded("records") {
        let (object, rows) = read_line(&line);
        assert_eq!(serves(&object, rows), Ok(()), "{line}");
    }
}

#[test]
fn a_version_that_is_out_reads_the_rows_of_today() {
    let old = by_kind(recorded("records").iter().map(|line| read_line(line)));
    let kinds: Vec<&str> = old.keys().map(String::as_str).collect();
    for kind in [
        "account account",
        "account family",
        "account grant",
        "account code",
        "account consent",
        "feed entry",
        "key_ring key_ring",
        "audit entry",
    ] {
        assert!(kinds.contains(&kind), "{kind} is not recorded: {kinds:?}");
    }
    assert_eq!(
        refused(&old, &today()),
        BTreeSet::new(),
        "docs/reference/storage-schema.md: it takes two releases"
    );
}

#[test]
fn a_changed_record_is_found() {
    let old = today();
    assert_eq!(refused(&old, &old), BTreeSet::new());
    let with = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut new = old.clone();
        let family = new.get_mut("account family").unwrap().first_mut().unwrap();
        change(family["record"]["family"].as_object_mut().unwrap());
        refused(&old, &new)
    };
    let added = with(&|family| drop(family.insert("of_the_next_version".to_owned(), json!(1))));
    assert_eq!(added, ["account family/record/family/of_the_next_version".to_owned()].into());
    let removed = with(&|family| drop(family.remove("created_at")));
    assert_eq!(removed.len(), 1, "{removed:?}");
    let renamed = with(&|family| {
        let value = family.remove("created_at").unwrap();
        family.insert("made_at".to_owned(), value);
    });
    assert_eq!(renamed.len(), 2, "{renamed:?}");
    let retyped = with(&|family| drop(family.insert("created_at".to_owned(), json!("1970"))));
    assert_eq!(retyped.len(), 1, "{retyped:?}");
    let variant = with(&|family| drop(family.insert("state".to_owned(), json!({"paused": {}}))));
    assert!(variant.contains("account family/record/family/state/paused"), "{variant:?}");
}
