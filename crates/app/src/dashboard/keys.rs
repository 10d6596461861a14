//! `/admin/ui/keys`: the signing keys and their calendar.

use postern_pages::dashboard::{Cell, Part, Screen};
use serde_json::Value;

use crate::dashboard::{
    change::asking,
    desk::Desk,
    show::{Form, facts, rows, table, text},
};

pub(super) fn keys(desk: &Desk<'_>, answer: &Value) -> Screen {
    let mut keys = table(
        "Signing keys, and those of the last 90 days",
        &[
            ("kid", "Key", Form::Code),
            ("alg", "Algorithm", Form::Text),
            ("state", "State", Form::Text),
            ("since", "Since (UTC)", Form::Time),
            ("until", "Until (UTC)", Form::Time),
            ("cause", "Cause", Form::Text),
            ("master_id", "Master", Form::Text),
        ],
        rows(answer, "keys"),
        "There is no key yet.",
        &|key: &Value, cells| {
            let kid = text(key, "kid");
            cells.push(if text(key, "state") == "retired" {
                Cell::Nothing
            } else {
                Cell::Link(asking(desk, "key_revoke", "Revoke", kid, &[("kid", kid)]))
            });
        },
    );
    keys.head.push("Change");
    let parts = vec![
        Part::Facts(facts(&[("rotate_at", "Next rotation (UTC)", Form::Time)], answer)),
        Part::Table(keys),
        Part::Actions(vec![asking(desk, "key_rotate", "Rotate", "the signing key", &[])]),
    ];
    Screen::new("Signing keys", parts)
}
