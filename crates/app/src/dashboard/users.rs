//! `/admin/ui/users`: a search, and all about one user.

use postern_pages::dashboard::{Cell, Entry, Fact, Link, Part, Screen, Search};
use serde_json::Value;

use crate::{
    admin::paging::Query,
    dashboard::{
        change::asking,
        desk::Desk,
        show::{Column, Form, facts, is_disabled, next, rows, state, table, text},
    },
    web::endpoints::ByPath,
};

const USER: &[Column] = &[
    ("sub", "Id", Form::Code),
    ("login", "Login", Form::Text),
    ("email_verified", "Address confirmed", Form::Text),
    ("scopes", "Scopes", Form::Code),
    ("roles", "Roles", Form::Code),
    ("tenant_id", "Tenant", Form::Code),
    ("created_at", "Created (UTC)", Form::Time),
];

const LISTED: &[Column] = &[
    ("login", "Login", Form::Text),
    ("sub", "Id", Form::Code),
    ("scopes", "Scopes", Form::Code),
    ("created_at", "Created (UTC)", Form::Time),
];

const SESSION: &[Column] = &[
    ("session_id", "Session", Form::Code),
    ("client_id", "Client", Form::Code),
    ("kind", "Kind", Form::Text),
    ("created_at", "Since (UTC)", Form::Time),
    ("seen_at", "Last seen (UTC)", Form::Time),
    ("ip", "Address", Form::Code),
    ("user_agent", "Browser", Form::Text),
];

const GRANT: &[Column] = &[
    ("grant_id", "Grant", Form::Code),
    ("client_name", "Application", Form::Text),
    ("client_id", "Client", Form::Code),
    ("scope", "Scopes", Form::Code),
    ("created_at", "Since (UTC)", Form::Time),
    ("used_at", "Last used (UTC)", Form::Time),
];

const ACTIVITY: &[Column] = &[
    ("at", "Time (UTC)", Form::Time),
    ("kind", "What", Form::Code),
    ("times", "Times", Form::Text),
    ("ip", "Address", Form::Code),
    ("country", "Country", Form::Text),
    ("user_agent", "Browser", Form::Text),
];

pub(super) fn users(desk: &Desk<'_>, query: &Query, answer: &Value) -> Screen {
    let contains = query.value("contains").unwrap_or_default();
    let mut users =
        table("Users by login", LISTED, rows(answer, "users"), "No user matches.", &|user, cells| {
            let link = desk.around.link(&["/ui/users/", text(user, "sub")].concat());
            if let Some(first) = cells.first_mut() {
                *first = Cell::Link(Link::new(text(user, "login"), link));
            }
            cells.push(state(user));
        });
    users.head.push("State");
    let search = Search {
        name: "Search for users",
        action: desk.around.link("/ui/users"),
        entries: vec![Entry::text("contains", "Any part of the login, or of the id", contains)],
        button: "Search",
    };
    let next = next(desk, answer, "/ui/users", ("contains", contains));
    Screen::new("Users", vec![Part::Search(search), Part::Table(users), next])
}

/// The lists of a user's page, in the order of its reads.
type List = (&'static str, &'static str, &'static [Column], &'static str, &'static str, &'static str);

const LISTS: [List; 3] = [
    ("Sessions", "sessions", SESSION, "No session is alive.", "session_revoke", "session_id"),
    ("Grants", "grants", GRANT, "No application has access.", "grant_revoke", "grant_id"),
    ("Activity", "activity", ACTIVITY, "Nothing has happened in the last 30 days.", "", ""),
];

/// What a user's page reads besides the user.
pub(super) const READS: [ByPath; 3] = [ByPath::UserSessions, ByPath::UserGrants, ByPath::UserActivity];

/// The page of a user. `user` is null where another service keeps the users, `lists` are the answers of [`READS`], and `limits`
/// what is said of those of the login.
pub(super) fn user(desk: &Desk<'_>, sub: &str, user: &Value, lists: &[Value], limits: Vec<Part>) -> Screen {
    let is_known = !user.is_null();
    let about = if is_known { text(user, "login") } else { sub };
    let ask = |action, label: &str| asking(desk, action, label, about, &[("sub", sub)]);
    let mut parts = Vec::new();
    let mut actions = Vec::new();
    if is_known {
        let mut known = facts(USER, user);
        known.push(Fact { name: "State".to_owned(), value: state(user) });
        parts.push(Part::Facts(known));
        let (action, label) =
            if is_disabled(user) { ("user_enable", "Enable") } else { ("user_disable", "Disable") };
        actions.extend([ask(action, label), ask("user_reset", "Send a message for a new password")]);
    }
    actions.extend([ask("sessions_revoke", "End all sessions"), ask("user_erase", "Erase")]);
    parts.push(Part::Actions(actions));
    for ((heading, name, columns, empty, action, id), answer) in LISTS.into_iter().zip(lists) {
        let mut list = table(heading, columns, rows(answer, name), empty, &|row, cells| {
            if !action.is_empty() {
                let own = text(row, id);
                cells.push(Cell::Link(asking(desk, action, "End", own, &[("sub", sub), (id, own)])));
            }
        });
        if !action.is_empty() {
            list.head.push("Change");
        }
        parts.extend([Part::Heading(heading.to_owned()), Part::Table(list)]);
    }
    if !limits.is_empty() {
        parts.push(Part::Heading("Limits and locks".to_owned()));
        parts.extend(limits);
    }
    Screen::new(about, parts)
}
