//! `postern client`: clients of the authorization server that are in D1.

use clap::Subcommand;
use postern_app::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    context::Context,
    failure::Failure,
    http::{Client, segment},
    report::{Column, Report, Shown, plain, relative},
};

/// Clients of the authorization server in D1. Those in `POSTERN_CLIENTS` are not among them.
#[derive(Debug, Subcommand)]
pub(crate) enum Clients {
    /// List clients in the order of their ids
    List {
        /// The maximum number of clients
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show one client, with the ids and ages of its secrets
    Show {
        /// The `client_id`
        client: String,
    },
    /// Add a client, and print its id, and its secret if it has one
    ///
    /// A client without --confidential has no secret: its program is in the users' hands.
    Add(Box<NewClient>),
    /// Give a client a second secret, and print it
    ///
    /// The old secret serves until `postern client end-secret` ends it.
    RotateSecret {
        /// The `client_id`
        client: String,
        /// End all other secrets now, because one leaked
        #[arg(long)]
        end_others: bool,
    },
    /// End one of two secrets; it is refused everywhere within 10 s
    EndSecret {
        /// The `client_id`
        client: String,
        /// The id of the secret, as `postern client show` prints it
        #[arg(value_name = "SECRET_ID")]
        id: String,
    },
    /// Refuse a client as if it did not exist; its grants stay
    ///
    /// It takes effect everywhere within 10 s. Access tokens that are out serve until they expire; `postern revoke client`
    /// ends them.
    Disable {
        /// The `client_id`
        client: String,
    },
    /// Let a disabled client continue
    Enable {
        /// The `client_id`
        client: String,
    },
    /// Revoke every token of a client, and remove it; this cannot be undone
    Delete {
        /// The `client_id`
        client: String,
        /// Confirm without prompting
        #[arg(long)]
        yes: bool,
    },
}

/// What a new client may do.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct NewClient {
    /// The name that users see
    #[arg(long)]
    name: String,
    /// An address to which answers go, compared letter by letter; can be repeated
    #[arg(long = "redirect-uri", value_name = "URI", required = true)]
    redirect_uris: Vec<String>,
    /// A scope that the client may ask for; can be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A resource that its tokens may be for; can be repeated. Without it, every known one
    #[arg(long = "resource", value_name = "URL")]
    resources: Vec<String>,
    /// Give the client a secret: its program runs on a server
    #[arg(long)]
    confidential: bool,
    /// The client is your own: its users are not asked for consent
    #[arg(long)]
    first_party: bool,
    /// Permit redirect URIs such as `com.example.app:/callback`
    #[arg(long)]
    private_use_schemes: bool,
    /// Give a refresh token only if the client asks for `offline_access`
    #[arg(long)]
    offline_access_on_request: bool,
    /// An app: its users stay signed in for longer
    #[arg(long)]
    mobile: bool,
}

impl NewClient {
    /// As the administrators' API takes them: only what differs from the defaults.
    fn body(&self) -> Value {
        let mut body = Map::new();
        let mut add = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
        add("name", json!(self.name));
        add("redirect_uris", json!(self.redirect_uris));
        if !self.scopes.is_empty() {
            add("scopes", json!(self.scopes));
        }
        if !self.resources.is_empty() {
            add("resources", json!(self.resources));
        }
        for (name, is_set) in [
            ("confidential", self.confidential),
            ("first_party", self.first_party),
            ("private_use_schemes", self.private_use_schemes),
        ] {
            if is_set {
                add(name, true.into());
            }
        }
        if self.offline_access_on_request {
            add("offline_access", "on_request".into());
        }
        if self.mobile {
            add("kind", "mobile".into());
        }
        Value::Object(body)
    }
}

const COLUMNS: [Column; 6] = [
    Column { title: "CLIENT", member: "client_id", shown: Shown::Plain },
    Column { title: "NAME", member: "name", shown: Shown::Plain },
    Column { title: "SOURCE", member: "source", shown: Shown::Plain },
    Column { title: "DISABLED", member: "disabled", shown: Shown::Plain },
    Column { title: "SCOPES", member: "scopes", shown: Shown::Plain },
    Column { title: "ADDED", member: "created_at", shown: Shown::Time },
];

impl Clients {
    pub(crate) fn run(&self, context: &Context) -> Result<Report, Failure> {
        if let Self::Delete { client, yes: false } = self {
            return Err(Failure::usage(format!(
                "deleting {client} cannot be undone. Repeat the command with --yes to confirm"
            )));
        }
        let admin = context.admin()?;
        match self {
            Self::List { limit } => list(&admin, *limit as usize),
            Self::Show { client } => {
                let found = admin.admin("GET", &format!("/clients/{}", segment(client)?), None)?;
                let lines = described(&found, context);
                Ok(Report::lines(found, lines))
            }
            Self::Add(new) => {
                let answer = admin.admin("POST", "/clients", Some(&new.body()))?;
                let line = format!("{} was added with the id {}", new.name, text(&answer, "client_id"));
                let lines = [line].into_iter().chain(secret_line(&answer)).collect::<Vec<_>>();
                Ok(Report::lines(answer, lines))
            }
            Self::RotateSecret { client, end_others } => {
                let path = format!("/clients/{}/rotate-secret", segment(client)?);
                let answer = admin.admin("POST", &path, Some(&json!({ "end_others": end_others })))?;
                let then = match text_of_old(&answer) {
                    Some(old) => {
                        format!("the old secret serves until `postern client end-secret {client} {old}`")
                    }
                    None => "all other secrets are refused everywhere within 10 s".to_owned(),
                };
                let lines = secret_line(&answer).into_iter().chain([then]).collect::<Vec<_>>();
                Ok(Report::lines(answer, lines))
            }
            Self::EndSecret { client, id } => {
                let path = format!("/clients/{}/secrets/{}", segment(client)?, segment(id)?);
                change(
                    &admin,
                    "DELETE",
                    client,
                    &path,
                    "has one secret less; it is refused everywhere within 10 s",
                )
            }
            Self::Disable { client } => {
                let path = format!("/clients/{}/disable", segment(client)?);
                change(&admin, "POST", client, &path, "is refused everywhere within 10 s")
            }
            Self::Enable { client } => {
                let path = format!("/clients/{}/enable", segment(client)?);
                change(&admin, "POST", client, &path, "can continue")
            }
            Self::Delete { client, .. } => {
                let path = format!("/clients/{}", segment(client)?);
                change(&admin, "DELETE", client, &path, "is removed, and its tokens are revoked")
            }
        }
    }
}

fn change(admin: &Client, method: &str, client: &str, path: &str, done: &str) -> Result<Report, Failure> {
    admin.admin(method, path, None)?;
    Ok(Report::lines(json!({ "client_id": client, "status": "done" }), [format!("{client} {done}")]))
}

fn list(admin: &Client, limit: usize) -> Result<Report, Failure> {
    let (clients, more) = admin.list("clients", None, limit)?;
    let clients: Vec<Value> = clients.into_iter().map(flat).collect();
    let note =
        more.then(|| format!("there are more clients than these {}: use --limit for more", clients.len()));
    let value = json!({ "clients": clients, "more": more });
    Ok(Report::table(value, "clients", &COLUMNS).with_note(note))
}

/// With the name and the scopes where a table finds them.
fn flat(mut client: Value) -> Value {
    let settings = client.get("settings").cloned().unwrap_or_default();
    if let Value::Object(members) = &mut client {
        for name in ["name", "scopes"] {
            members.insert(name.to_owned(), settings.get(name).cloned().unwrap_or_default());
        }
    }
    client
}

fn described(client: &Value, context: &Context) -> Vec<String> {
    let mut lines = Vec::new();
    for member in ["client_id", "source", "disabled"] {
        lines.push(format!("{member}: {}", text(client, member)));
    }
    for member in ["created_at", "used_at", "expires_at"] {
        if let Some(at) = client.get(member).and_then(Value::as_u64) {
            lines.push(format!("{member}: {}", relative(Timestamp::from_seconds(at), context.now())));
        }
    }
    let settings = client.get("settings").and_then(Value::as_object).into_iter().flatten();
    lines.extend(settings.map(|(name, value)| format!("{name}: {}", plain(value))));
    let secrets = client.get("secrets").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for secret in secrets {
        let made = secret.get("created_at").and_then(Value::as_u64).unwrap_or_default();
        let made = relative(Timestamp::from_seconds(made), context.now());
        lines.push(format!("secret {}: made {made}", text(secret, "secret_id")));
    }
    if secrets.is_empty() {
        lines.push("it is public: it has no secret".to_owned());
    }
    lines
}

fn secret_line(answer: &Value) -> Option<String> {
    let secret = answer.get("client_secret")?;
    Some(format!("its secret, which is not shown again: {}", plain(secret)))
}

/// The id of the secret that a new one replaces.
fn text_of_old(answer: &Value) -> Option<String> {
    match answer.get("secrets")?.as_array()?.as_slice() {
        [old, _] => Some(text(old, "secret_id")),
        _ => None,
    }
}

fn text(value: &Value, member: &str) -> String {
    value.get(member).map(plain).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Program {
        #[command(subcommand)]
        clients: Clients,
    }

    fn body(arguments: &str) -> Value {
        let arguments = ["postern", "add"].into_iter().chain(arguments.split(' '));
        match Program::try_parse_from(arguments).unwrap().clients {
            Clients::Add(new) => new.body(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_differs_from_the_defaults_is_sent() {
        assert_eq!(
            body("--name N --redirect-uri https://a.example/cb"),
            json!({"name": "N", "redirect_uris": ["https://a.example/cb"]})
        );
        assert_eq!(
            body(
                "--name N --redirect-uri a --redirect-uri b --scope r --resource x --confidential --first-party --private-use-schemes --offline-access-on-request --mobile"
            ),
            json!({
                "name": "N", "redirect_uris": ["a", "b"], "scopes": ["r"], "resources": ["x"], "confidential": true,
                "first_party": true, "private_use_schemes": true, "offline_access": "on_request", "kind": "mobile",
            })
        );
    }

    #[test]
    fn a_rotation_names_the_secret_that_is_to_be_ended() {
        let secret = |id: &str| json!({"secret_id": id});
        assert_eq!(text_of_old(&json!({"secrets": [secret("a"), secret("b")]})).as_deref(), Some("a"));
        assert_eq!(text_of_old(&json!({"secrets": [secret("b")]})), None);
    }
}
