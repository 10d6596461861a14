//! `/admin/ui/revocations`: what was revoked, and a form for more.

use postern_pages::dashboard::{Entry, EntryKind, Link, Part, Screen, Search};

use crate::dashboard::{change::CONFIRM, desk::Desk};

/// The kinds, as the call has them.
const KINDS: [(&str, &str); 5] = [
    ("subject", "A user: all sessions and tokens"),
    ("session", "A session"),
    ("access_token", "An access token"),
    ("client", "A client: all of its tokens"),
    ("key", "A signing key of this deployment"),
];

/// The fields, with what they are for.
const FIELDS: [(&str, &str, &str); 8] = [
    ("sub", "Subject", "For a user, or for a session of this deployment"),
    ("session_id", "Session", "For a session"),
    ("jti", "Token id (jti)", "For an access token"),
    ("client_id", "Client", "For a client"),
    ("kid", "Key id (kid)", "For a signing key"),
    ("issuer", "Issuer", "Empty for this deployment"),
    ("not_before", "Issued until", "In seconds since 1970; empty for now"),
    ("expires_at", "Expires at", "In seconds since 1970; for tokens of another issuer"),
];

/// `revoked` is the table of the last ones, and what was found of their log.
pub(super) fn revocations(desk: &Desk<'_>, revoked: Vec<Part>) -> Screen {
    let kind = EntryKind::Choice(KINDS.to_vec());
    let mut entries = vec![Entry { kind, ..Entry::text("kind", "What", "") }];
    for (name, label, hint) in FIELDS {
        entries.push(Entry { hint, ..Entry::text(name, label, "") });
    }
    let form = Search {
        name: "Revoke",
        action: desk.around.link(&[CONFIRM, "revoke"].concat()),
        entries,
        button: "Go on",
    };
    let all = desk.around.link_with("/ui/audit", &[("action", "revoke")]);
    let mut parts = revoked;
    parts.extend([
        Part::Pages(vec![Link::new("All revocations in the audit log", all)]),
        Part::Heading("Revoke".to_owned()),
        Part::Text("The next page says what will be refused, and asks once.".to_owned()),
        Part::Search(form),
    ]);
    Screen::new("Revocations", parts)
}
