//! `postern user`.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{import::Import, throttle::clear};
use crate::{
    args::Grants,
    context::Context,
    failure::Failure,
    http::Client,
    named_user::{login_of, resolve},
    prompt::password,
    report::{Column, Report, Shown, plain},
};

/// Users. USER is an id, the `sub` of the user's access tokens, or a login.
#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// List users in the order of their logins
    List {
        /// Only logins that begin with this text
        #[arg(long, value_name = "BEGINNING")]
        search: Option<String>,
        /// The maximum number of users
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show one user
    Show {
        /// Id or login
        user: String,
    },
    /// Add a user; the command asks for the password, or reads it from a pipe
    Add {
        /// The login, usually an email address
        login: String,
        #[command(flatten)]
        grants: Grants,
    },
    /// Import users from a file, with their existing password hashes
    ///
    /// If an import is interrupted, repeat the same command to continue it. Existing users are never changed, and no
    /// user is added twice.
    Import(Box<Import>),
    /// Give a user scopes, roles and a tenant, in addition to their current ones
    ///
    /// They take effect at the next sign-in. A tenant replaces the user's current tenant.
    Grant {
        /// Id or login
        user: String,
        #[command(flatten)]
        grants: Grants,
    },
    /// Take scopes, roles and a tenant away from a user
    ///
    /// Sessions of the user that have one of them end.
    Ungrant {
        /// Id or login
        user: String,
        #[command(flatten)]
        grants: Grants,
    },
    /// Replace a user's scopes, roles and tenant, and print what was taken away
    ///
    /// If something is taken away, all sessions of the user end. Without flags, everything is taken away.
    SetGrants {
        /// Id or login
        user: String,
        #[command(flatten)]
        grants: Grants,
    },
    /// Prevent a user from signing in, and end all their sessions
    Disable {
        /// Id or login
        user: String,
    },
    /// Let a user sign in again
    Enable {
        /// Id or login
        user: String,
    },
    /// Let a user sign in again after failed attempts of others locked them out
    ///
    /// Removes failures, lockouts and used quota of the account. It takes effect everywhere within 10 s.
    Unlock {
        /// Id or login
        user: String,
    },
    /// Erase everything that is stored about a user; this cannot be undone
    Erase {
        /// Id or login
        user: String,
        /// Confirm without prompting
        #[arg(long)]
        yes: bool,
    },
}

const COLUMNS: [Column; 7] = [
    Column { title: "LOGIN", member: "login", shown: Shown::Plain },
    Column { title: "USER", member: "sub", shown: Shown::Plain },
    Column { title: "DISABLED", member: "disabled", shown: Shown::Plain },
    Column { title: "SCOPES", member: "scopes", shown: Shown::Plain },
    Column { title: "ROLES", member: "roles", shown: Shown::Plain },
    Column { title: "TENANT", member: "tenant_id", shown: Shown::Plain },
    Column { title: "MADE", member: "created_at", shown: Shown::Time },
];

impl Users {
    pub(crate) fn run(&self, context: &Context) -> Result<Report, Failure> {
        let client = || context.admin();
        match self {
            // Rows can be checked without a deployment.
            Self::Import(import) => import.run(context),
            Self::List { search, limit } => list(&client()?, search.as_deref(), *limit as usize),
            Self::Show { user } => {
                let client = client()?;
                let id = resolve(&client, user)?;
                let found = client.admin("GET", &format!("/users/{id}"), None)?;
                Ok(Report::table(json!({ "users": [found] }), "users", &COLUMNS))
            }
            Self::Add { login, grants } => {
                let mut body = grants.body();
                if let Some(members) = body.as_object_mut() {
                    members.insert("login".to_owned(), login.as_str().into());
                    members.insert("password".to_owned(), password("Password of the user: ")?.into());
                }
                let answer = client()?.admin("POST", "/users", Some(&body))?;
                let line = format!(
                    "{login} was added with the id {}",
                    answer.get("sub").map(plain).unwrap_or_default()
                );
                Ok(Report::lines(answer, [line]))
            }
            Self::Grant { user, grants } => regrant(&client()?, "PATCH", user, &grants.named("add")?),
            Self::Ungrant { user, grants } => regrant(&client()?, "PATCH", user, &grants.named("remove")?),
            Self::SetGrants { user, grants } => regrant(&client()?, "PUT", user, &grants.body()),
            Self::Disable { user } => {
                change(&client()?, "POST", user, "/disable", "is disabled and signed out everywhere")
            }
            Self::Enable { user } => change(&client()?, "POST", user, "/enable", "can sign in again"),
            Self::Unlock { user } => {
                let client = client()?;
                clear(&client, "login", &login_of(&client, user)?)
            }
            Self::Erase { user, yes: true } => change(&client()?, "DELETE", user, "", "is erased"),
            Self::Erase { user, .. } => Err(Failure::usage(format!(
                "erasing {user} cannot be undone. Repeat the command with --yes to confirm"
            ))),
        }
    }
}

/// Page after page, until there are enough.
fn list(client: &Client, search: Option<&str>, limit: usize) -> Result<Report, Failure> {
    let (users, more) = client.list("users", search, limit)?;
    let note = more.then(|| {
        format!(
            "there are more users than these {}: use --limit for more, or --search BEGINNING for others",
            users.len()
        )
    });
    let value = json!({ "users": users, "more": more });
    Ok(Report::table(value, "users", &COLUMNS).with_note(note))
}

fn change(client: &Client, method: &str, user: &str, what: &str, done: &str) -> Result<Report, Failure> {
    let id = resolve(client, user)?;
    client.admin(method, &format!("/users/{id}{what}"), None)?;
    Ok(Report::lines(json!({ "sub": id, "status": "done" }), [format!("{user} {done}")]))
}

/// Changes scopes, roles and tenant, and says what was added, what taken away and what is left.
fn regrant(client: &Client, method: &str, user: &str, body: &Value) -> Result<Report, Failure> {
    let id = resolve(client, user)?;
    let answer = client.admin(method, &format!("/users/{id}/grants"), Some(body))?;
    let mut lines = Vec::new();
    for (word, grants) in [("added", answer.get("added")), ("taken away", answer.get("removed"))] {
        let told = told(grants.unwrap_or(&Value::Null));
        if !told.is_empty() {
            lines.push(format!("{word}: {told}"));
        }
    }
    if lines.is_empty() {
        lines.push("nothing changed".to_owned());
    }
    let now = told(&answer);
    lines.push(format!("{user} now has: {}", if now.is_empty() { "no scope, role or tenant" } else { &now }));
    Ok(Report::lines(answer, lines))
}

/// `scope read:orders, role clerk, tenant acme`.
fn told(grants: &Value) -> String {
    let mut told = Vec::new();
    for (word, member) in [("scope", "scopes"), ("role", "roles")] {
        let names = grants.get(member).and_then(Value::as_array).into_iter().flatten();
        told.extend(names.map(|name| format!("{word} {}", plain(name))));
    }
    told.extend(
        grants
            .get("tenant_id")
            .filter(|tenant| !tenant.is_null())
            .map(|tenant| format!("tenant {}", plain(tenant))),
    );
    told.join(", ")
}
