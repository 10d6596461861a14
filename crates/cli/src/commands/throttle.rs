//! `postern throttle`, and `postern user unlock`.

use std::net::IpAddr;

use clap::Subcommand;
use postern_app::time::Timestamp;
use serde_json::{Value, json};

use crate::{
    context::Context,
    failure::Failure,
    http::{Client, encoded},
    named_user::note_of_login,
    report::{Report, plain, relative},
};

/// Limits and locks of an account or an address.
#[derive(Debug, Subcommand)]
pub(crate) enum Throttle {
    /// Show failures, lockouts and what is left of each rate limit
    Show(Subject),
    /// Remove all failures, lockouts and used quota; takes effect everywhere within 10 s
    Clear(Subject),
}

/// Whose.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Subject {
    /// An account by its login, which need not exist
    #[arg(long)]
    login: Option<String>,
    /// An IP address and its network
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,
}

impl Subject {
    /// The name of the parameter, and its value.
    fn named(&self) -> (&'static str, String) {
        match (&self.login, self.ip) {
            (Some(login), _) => ("login", login.clone()),
            // clap asks for one of the two.
            (None, ip) => ("ip", ip.map(|ip| ip.to_string()).unwrap_or_default()),
        }
    }
}

impl Throttle {
    fn login(&self) -> Option<&str> {
        let (Self::Show(subject) | Self::Clear(subject)) = self;
        subject.login.as_deref()
    }

    pub(crate) fn run(&self, context: &Context) -> Result<Report, Failure> {
        let client = context.admin()?;
        match self {
            Self::Show(subject) => {
                let (name, value) = subject.named();
                let answer = client.admin("GET", &format!("/throttle?{name}={}", encoded(&value)), None)?;
                let rows =
                    answer.get("rows").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                let now = context.now();
                let mut lines: Vec<String> = rows.iter().flat_map(|row| told(row, now)).collect();
                if lines.is_empty() {
                    lines.push(format!("there are no limits, failures or lockouts for {value}"));
                }
                let more = answer.get("more").and_then(Value::as_bool).unwrap_or_default();
                let note = more.then(|| {
                    "not all devices are shown: the answer has at most 50. `throttle clear` clears all of them".to_owned()
                });
                let unknown = self.login().and_then(|login| note_of_login(&client, login));
                Ok(Report::lines(answer, lines).with_note(note).with_note(unknown))
            }
            Self::Clear(subject) => {
                let (name, value) = subject.named();
                clear(&client, name, &value)
            }
        }
    }
}

/// Forgets limits, failures and locks of `value`.
pub(crate) fn clear(client: &Client, name: &str, value: &str) -> Result<Report, Failure> {
    client.admin("POST", "/throttle/clear", Some(&json!({ name: value })))?;
    let line =
        format!("limits and lockouts of {value} are removed; this takes effect everywhere within 10 s");
    let unknown = (name == "login").then(|| note_of_login(client, value)).flatten();
    Ok(Report::lines(json!({ name: value, "status": "cleared" }), [line]).with_note(unknown))
}

/// One row, for people: a line for what is locked or counted, and one for each limit.
fn told(row: &Value, now: Timestamp) -> Vec<String> {
    let text = |name: &str| row.get(name).map(plain).unwrap_or_default();
    let time = |of: &Value, name: &str| {
        of.get(name).and_then(Value::as_u64).map(|at| relative(Timestamp::from_seconds(at), now))
    };
    let whose = text("whose");
    let mut lines = Vec::new();
    if row.get("failures").and_then(Value::as_u64).is_some_and(|failures| failures > 0) {
        let forgotten = time(row, "forgotten_at").map(|at| format!(", expiring {at}")).unwrap_or_default();
        lines.push(format!("{whose}: {} failures{forgotten}", text("failures")));
    }
    if let Some(at) = time(row, "locked_until") {
        lines.push(format!("{whose}: LOCKED, unlocks {at}"));
    }
    if let Some(at) = time(row, "tightened_until") {
        lines.push(format!("{whose}: limits are reduced to a quarter, ends {at}"));
    }
    for bucket in row.get("buckets").and_then(Value::as_array).into_iter().flatten() {
        let (limit, left) = (bucket.get("limit").map(plain), bucket.get("left").map(plain));
        let full = time(bucket, "full_at").unwrap_or_default();
        let left = left.unwrap_or_else(|| "unlimited".to_owned());
        lines.push(format!("{whose}: {} limit: {left} left, full {full}", limit.unwrap_or_default()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_told_in_words_and_a_name_cannot_rewrite_the_screen() {
        let row = json!({"whose": "account\u{1b}[2J", "failures": 5, "locked_until": 1060, "forgotten_at": 19000,
            "buckets": [{"limit": "login", "left": 0, "full_at": 1030}]});
        let lines = told(&row, Timestamp::from_seconds(1000));
        assert_eq!(lines.len(), 3);
        assert!(lines[1].contains("LOCKED") && lines[2].contains("0 left"), "{lines:?}");
        assert!(!lines.concat().contains('\u{1b}'));
    }
}
