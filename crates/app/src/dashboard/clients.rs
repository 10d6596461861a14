//! `/admin/ui/clients`: the clients in D1.

use postern_pages::dashboard::{Cell, Fact, Link, Part, Screen};
use serde_json::Value;

use crate::dashboard::{
    change::asking,
    desk::Desk,
    show::{Column, Form, cell, facts, is_disabled, next, rows, state, table, text},
};

const CLIENT: &[Column] = &[
    ("client_id", "Client", Form::Code),
    ("source", "Source", Form::Text),
    ("created_at", "Created (UTC)", Form::Time),
    ("used_at", "Last used (UTC)", Form::Time),
    ("expires_at", "Expires (UTC)", Form::Time),
];

const SECRET: &[Column] = &[("secret_id", "Secret", Form::Code), ("created_at", "Created (UTC)", Form::Time)];

pub(super) fn clients(desk: &Desk<'_>, answer: &Value) -> Screen {
    let mut clients = table(
        "Clients by id",
        CLIENT,
        rows(answer, "clients"),
        "There is no client in the database.",
        &|client, cells| {
            let id = text(client, "client_id");
            if let Some(first) = cells.first_mut() {
                *first = Cell::Link(Link::new(id, desk.around.link(&["/ui/clients/", id].concat())));
            }
            let settings = client.get("settings").unwrap_or(&Value::Null);
            cells.extend([Cell::text(text(settings, "name")), state(client)]);
        },
    );
    clients.head.extend(["Name", "State"]);
    let next = next(desk, answer, "/ui/clients", ("", ""));
    let hint = "Clients of POSTERN_CLIENTS are in the settings. postern client adds a client here, because its secret is shown once and on no page.";
    Screen::new("Clients", vec![Part::Text(hint.to_owned()), Part::Table(clients), next])
}

pub(super) fn client(desk: &Desk<'_>, client: &Value) -> Screen {
    let id = text(client, "client_id");
    let settings = client.get("settings").unwrap_or(&Value::Null);
    let mut known = facts(CLIENT, client);
    known.push(Fact { name: "State".to_owned(), value: state(client) });
    for (name, value) in settings.as_object().into_iter().flatten() {
        known.push(Fact { name: name.replace('_', " "), value: cell(Form::Code, value) });
    }
    let ask = |action, label: &str| asking(desk, action, label, id, &[("client_id", id)]);
    let change =
        if is_disabled(client) { ask("client_enable", "Enable") } else { ask("client_disable", "Disable") };
    let mut secrets = table(
        "Secrets",
        SECRET,
        rows(client, "secrets"),
        "The client is public: it has no secret.",
        &|secret, cells| {
            let own = text(secret, "secret_id");
            let fields = [("client_id", id), ("secret_id", own)];
            cells.push(Cell::Link(asking(desk, "client_end_secret", "End", own, &fields)));
        },
    );
    secrets.head.push("Change");
    let name = text(settings, "name");
    let parts = vec![
        Part::Facts(known),
        Part::Actions(vec![change, ask("client_delete", "Delete")]),
        Part::Heading("Secrets".to_owned()),
        Part::Table(secrets),
    ];
    Screen::new(if name.is_empty() { id } else { name }, parts)
}
