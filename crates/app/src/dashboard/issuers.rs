//! `/admin/ui/issuers`: the issuers that the gate trusts, and their keys.

use postern_pages::dashboard::{Cell, Part, Screen};
use serde_json::Value;

use crate::dashboard::{
    change::asking,
    desk::Desk,
    show::{Column, Form, rows, table, text},
};

const ISSUER: &[Column] = &[
    ("issuer", "Issuer", Form::Code),
    ("audiences", "Audiences", Form::Code),
    ("keys_from", "Keys from", Form::Code),
    ("keys", "Keys", Form::Code),
    ("fetched_at", "Fetched at (UTC)", Form::Time),
];

pub(super) fn issuers(desk: &Desk<'_>, answer: &Value) -> Screen {
    let now = desk.now.seconds();
    let mut issuers = table(
        "Trusted issuers, with the keys known here",
        ISSUER,
        rows(answer, "issuers"),
        "No issuer is trusted.",
        &|issuer, cells| {
            let failed_at = issuer.get("failed_at").and_then(Value::as_u64);
            let fetched_at = issuer.get("fetched_at").and_then(Value::as_u64);
            cells.push(match (fetched_at, failed_at) {
                (None, _) => Cell::Bad("no keys".to_owned()),
                (Some(at), None) => Cell::Good([&now.saturating_sub(at).to_string(), " s old"].concat()),
                (Some(at), Some(_)) => {
                    Cell::Bad([&now.saturating_sub(at).to_string(), " s old, the last fetch failed"].concat())
                }
            });
            let name = text(issuer, "issuer");
            let is_own = issuer.get("own").and_then(Value::as_bool) == Some(true);
            cells.push(if is_own {
                Cell::Nothing
            } else {
                Cell::Link(asking(desk, "issuer_refresh", "Fetch now", name, &[("issuer", name)]))
            });
        },
    );
    issuers.head.extend(["State", "Change"]);
    Screen::new("Other issuers", vec![Part::Table(issuers)])
}
