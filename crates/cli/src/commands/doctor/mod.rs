//! `postern doctor`: looks at a deployment from outside, and says what is wrong and what to do.
//!
//! Every check is a function from answers to findings; the requests are made here.

mod finding;
mod issuers;
mod keys;
mod upgrade;
mod web;

use postern_app::config::Config;
use serde_json::{Value, json};

use self::finding::{Finding, Status};
use crate::{
    context::Context,
    failure::Failure,
    http::Client,
    report::Report,
    settings::{STAND_IN_KEY, SettingsFile, Variables},
};

/// What to look at besides the deployment.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    // With a file, the other issuers that the deployment trusts are looked at too.
    #[command(flatten)]
    settings: SettingsFile,
    /// Say what an upgrade to the version of this program needs: settings, bindings, migrations (by `npx wrangler`). Takes
    /// the settings file
    #[arg(long)]
    upgrade: bool,
}

/// `postern doctor`.
pub(crate) fn run(asked: &Doctor, context: &Context) -> Result<Report, Failure> {
    let config = asked.config()?;
    let client = context.public()?;
    let mut findings = Vec::new();
    // When this one fails there is nothing to look at.
    let health = client.send("GET", "/healthz", None)?;
    findings.push(Finding::good(
        "reached",
        if client.is_https() {
            "over TLS, with a certificate that this machine trusts"
        } else {
            "without TLS, on this machine"
        },
    ));
    let healthy = health.status == 200;
    let mut metrics = None;
    findings.push(Finding::either(
        "health",
        healthy,
        format!("/healthz returned {}", health.status),
        "the configuration has mistakes (`wrangler tail` shows each of them), or this is not a Postern deployment",
    ));
    findings.push(keys::clock(&health, context.now()));
    findings.extend(web::security_headers(&health));
    if healthy {
        outside(&client, &mut findings)?;
        match admitted(context) {
            Ok((admin, ring)) => {
                findings.extend(keys::ring(&ring, context.now()));
                // Without it the age of the copies is all that is not seen.
                let answer = admin.send("GET", "/metrics", None)?;
                metrics = (answer.status == 200).then(|| String::from_utf8_lossy(&answer.body).into_owned());
            }
            Err(failure) => findings.push(not_inside(&failure)),
        }
    }
    match &config {
        Some(config) => findings.extend(issuers::look(config, metrics.as_deref(), context)),
        None => findings.push(Finding::skipped(
            "other issuers",
            "not checked: pass the settings that name them (`--settings wrangler.production.toml`)",
        )),
    }
    if let (true, Some(config)) = (asked.upgrade, &config) {
        findings.extend(upgrade::look(&asked.settings, config, metrics.as_deref()));
    }
    Ok(report(&findings))
}

impl Doctor {
    /// The settings, if they are to be looked at.
    fn config(&self) -> Result<Option<Config>, Failure> {
        if !self.settings.is_asked() && !self.upgrade {
            return Ok(None);
        }
        let Variables { file, values: mut vars, .. } = self.settings.read()?;
        vars.entry("POSTERN_MASTER_KEY".to_owned()).or_insert_with(|| STAND_IN_KEY.into());
        let wrong =
            |_| Failure::refused(format!("{file} has mistakes; `postern config check {file}` lists them"));
        Config::from_vars(&vars).map(Some).map_err(wrong)
    }
}

/// What anybody can see.
fn outside(client: &Client, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    findings.extend(web::readiness(&client.send("GET", "/readyz", None)?));
    let set = client.send("GET", "/.well-known/jwks.json", None)?;
    findings.extend(keys::key_set(&set));
    if let Some(tag) = set.header("etag") {
        let ask =
            |tag: &str| client.send_with("GET", "/.well-known/jwks.json", &[("if-none-match", tag)], None);
        let mut again = ask(tag)?;
        // A set that changed in between has another tag: that one is good for asking once more.
        if let Some(other) = again.header("etag").filter(|other| *other != tag).map(str::to_owned) {
            again = ask(&other)?;
        }
        findings.push(Finding::either(
            "key set is revalidated",
            again.status == 304,
            format!("a request with If-None-Match returned {}", again.status),
            "a proxy removes ETags, so clients fetch the whole set each time",
        ));
    }
    findings.extend(web::challenge(&client.send("GET", "/auth/me", None)?));
    let foreign = [("origin", "https://postern-doctor.invalid")];
    findings.push(web::cors(&client.send_with("GET", "/auth/me", &foreign, None)?));
    // A cookie that can be no token of ours: the answer takes the cookies away, flags and all.
    let cookie = [("cookie", "__Secure-postern_refresh=postern-doctor")];
    findings.push(web::cookies(&client.send_with("POST", "/auth/logout", &cookie, None)?));
    findings.push(web::not_found(&client.send("GET", "/auth/postern-doctor", None)?));
    Ok(())
}

/// The deployment as an administrator sees it, with its signing keys.
fn admitted(context: &Context) -> Result<(Client, Value), Failure> {
    let ask = || {
        let admin = context.admin()?;
        let ring = admin.admin("GET", "/keys", None)?;
        Ok((admin, ring))
    };
    let answer: Result<(Client, Value), Failure> = ask();
    #[cfg(not(target_family = "wasm"))]
    if let Err(Failure { code: Some(code), .. }) = &answer
        && code == "invalid_token"
        && context.public().is_ok_and(|client| crate::auth::outdate(&client))
    {
        return ask();
    }
    answer
}

/// Without a sign-in all else is checked.
fn not_inside(Failure { message, .. }: &Failure) -> Finding {
    Finding::skipped("inside", format!("the ages of the keys were not checked: {message}"))
}

fn report(findings: &[Finding]) -> Report {
    let wrong = findings.iter().any(|finding| finding.status == Status::Wrong);
    let mut lines = Vec::new();
    for Finding { check, status, detail, advice } in findings {
        lines.push(format!("{:8} {check}: {detail}", status.name()));
        if !advice.is_empty() {
            lines.push(format!("         -> {advice}"));
        }
    }
    let count = |status| findings.iter().filter(|finding| finding.status == status).count();
    lines.push(format!(
        "{} wrong, {} warnings, {} good",
        count(Status::Wrong),
        count(Status::Warning),
        count(Status::Good)
    ));
    let checks: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "check": finding.check,
                "status": finding.status.name(),
                "detail": finding.detail,
                "advice": finding.advice,
            })
        })
        .collect();
    let report = Report::lines(json!({ "sound": !wrong, "checks": checks }), lines);
    if wrong { report.found_wrong() } else { report }
}
