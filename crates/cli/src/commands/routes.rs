//! `postern routes`: is the table right, and what does it do with a request.

mod reports;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use clap::Subcommand;
use postern_app::{
    config::{Config, ConfigError, RouteDocument},
    http::PlainRequest,
    service::explain::{Explainer, Place, Supposed},
};
use serde_json::{Map, Value, json};

use crate::{
    context::Context,
    failure::Failure,
    files::read_text,
    report::Report,
    settings::{STAND_IN_KEY, SettingsFile},
};
use reports::checked;

pub(crate) use self::reports::told;

/// Stands in for the issuer's name when it comes from elsewhere.
const STAND_IN_ISSUER: &str = "https://issuer.invalid";

/// The route table.
#[derive(Debug, Subcommand)]
pub(crate) enum Routes {
    /// Report every mistake in a route table, unreachable routes and likely mistakes
    Check {
        #[command(flatten)]
        source: Source,
        /// Exit with 1 for warnings, too
        #[arg(long)]
        strict: bool,
    },
    /// Show which route matches a request, why earlier routes do not, and the answer
    ///
    /// Only the running Worker can check signatures, revocations, rate limits and CSRF tokens. The command assumes that
    /// these checks pass, and prints which of them the answer depends on.
    Explain {
        /// The request's method
        method: String,
        /// The request's URL, as a client writes it
        request: String,
        #[command(flatten)]
        source: Source,
        /// A file with the claims of the caller's access token in JSON; - for standard input.
        /// Claims that every token has can be omitted
        #[arg(long, value_name = "FILE", conflicts_with = "token_file")]
        claims: Option<PathBuf>,
        /// A file with the caller's access token; - for standard input. The token is not printed
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// Send the access token in the access cookie, as a browser does
        #[arg(long)]
        cookie: bool,
        /// A header of the request, such as origin, sec-fetch-site or access-control-request-method;
        /// can be repeated
        #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
        headers: Vec<(String, String)>,
    },
}

/// Where the table is, and the settings it is judged with.
#[derive(Debug, clap::Args)]
pub(crate) struct Source {
    // Without another word the table of the settings is taken.
    #[command(flatten)]
    settings: SettingsFile,
    /// A route table in JSON: a list of routes, or the document that is stored in KV
    #[arg(long, value_name = "FILE", conflicts_with = "live")]
    routes: Option<PathBuf>,
    /// The route table that the deployment has in KV; requires a sign-in
    #[arg(long)]
    live: bool,
}

/// A table that was read.
enum Table {
    Sound(Box<Explainer>),
    Mistaken(Vec<ConfigError>),
}

impl Routes {
    pub(crate) fn run(&self, context: &Context) -> Result<Report, Failure> {
        match self {
            Self::Check { source, strict } => {
                let (table, notes) = source.read(context)?;
                Ok(checked(table, &notes, *strict))
            }
            Self::Explain { method, request, source, claims, token_file, cookie, headers } => {
                let (table, notes) = source.read(context)?;
                let Table::Sound(explainer) = table else {
                    return Err(Failure::refused(
                        "the settings or the route table have mistakes; `postern routes check` lists them",
                    ));
                };
                let claims = claims.as_deref().map(claims_of).transpose()?;
                let token = token_file.as_deref().map(read_text).transpose()?;
                let supposed = match (&claims, &token) {
                    (Some(claims), _) => Supposed::Claims(claims),
                    (None, Some(token)) => Supposed::AccessToken(token.trim()),
                    (None, None) => Supposed::Nobody,
                };
                let place = if *cookie { Place::Cookie } else { Place::Header };
                let request =
                    headers.iter().fold(PlainRequest::new(method, request), |request, (name, value)| {
                        request.with(name, value)
                    });
                let explanation =
                    explainer.explain(&request, supposed, place, context.now()).ok_or_else(|| {
                        Failure::usage("the URL must be absolute: https://api.example.com/orders")
                    })?;
                Ok(told(&explainer, &explanation, &notes))
            }
        }
    }
}

impl Source {
    /// The table with what had to be supposed. All it is judged by goes through the reader of the
    /// Worker's own variables.
    fn read(&self, context: &Context) -> Result<(Table, Vec<String>), Failure> {
        let mut notes = Vec::new();
        let mut vars = self.settings(&mut notes)?;
        let other = match (&self.routes, self.live) {
            (Some(path), _) => Some(parsed(path)?),
            (None, true) => Some(live(context)?),
            (None, false) => None,
        };
        if self.settings.settings.is_none()
            && let Some(routes) = &other
        {
            suppose_issuers(&mut vars, routes, &mut notes);
        }
        let document = other.clone().filter(|table| table.get("routes").is_some());
        match other {
            Some(table) => {
                let routes = table.get("routes").cloned().unwrap_or(table);
                vars.insert("POSTERN_ROUTES".to_owned(), routes);
            }
            None => match vars.get("POSTERN_ROUTES") {
                None => return Err(Failure::refused("the settings do not contain POSTERN_ROUTES")),
                Some(Value::Object(table)) if table.contains_key("kv") => {
                    return Err(Failure::refused("the route table is in KV: pass --routes FILE or --live"));
                }
                Some(_) => {}
            },
        }
        let table = match Config::from_vars(&vars) {
            Err(mistakes) => Table::Mistaken(mistakes),
            Ok(config) => {
                let context = config.route_context();
                match document.map(|document| RouteDocument::validate(&document, &context)) {
                    Some(Err(mistakes)) => Table::Mistaken(mistakes),
                    _ => Table::Sound(Box::new(Explainer::new(config))),
                }
            }
        };
        Ok((table, notes))
    }

    /// The variables of the settings' file.
    fn settings(&self, notes: &mut Vec<String>) -> Result<BTreeMap<String, Value>, Failure> {
        let other_table = self.live || self.routes.is_some();
        let mut vars = if self.settings.settings.is_none() && other_table {
            BTreeMap::new()
        } else {
            let read = self.settings.read()?;
            if self.settings.settings.is_none() {
                notes.push(format!("settings file: {}", read.file));
            }
            if read.local {
                notes.push("for this machine: .dev.vars overrides the file".to_owned());
            }
            read.values
        };
        vars.entry("POSTERN_MASTER_KEY".to_owned()).or_insert_with(|| STAND_IN_KEY.into());
        if !vars.contains_key("POSTERN_ISSUER") {
            notes.push(format!("POSTERN_ISSUER is not in the settings; {STAND_IN_ISSUER} is used instead"));
            vars.insert("POSTERN_ISSUER".to_owned(), STAND_IN_ISSUER.into());
        }
        Ok(vars)
    }
}

/// Trusts the issuers that the table names: without settings there is no other list.
fn suppose_issuers(vars: &mut BTreeMap<String, Value>, table: &Value, notes: &mut Vec<String>) {
    let routes = table.get("routes").unwrap_or(table).as_array().map(Vec::as_slice).unwrap_or_default();
    let named = routes.iter().filter_map(|route| route.get("issuers")).flat_map(|issuers| match issuers {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>(),
        Value::String(one) => vec![one.as_str()],
        _ => Vec::new(),
    });
    let named: BTreeSet<&str> = named.filter(|issuer| *issuer != STAND_IN_ISSUER).collect();
    let external: Vec<Value> = named
        .iter()
        .map(|issuer| {
            json!({
                "issuer": issuer, "jwks_uri": "https://issuer.invalid/jwks.json", "audiences": [STAND_IN_ISSUER],
            })
        })
        .collect();
    if !external.is_empty() {
        notes.push("without --settings, every issuer in the table is assumed to be trusted".to_owned());
        vars.insert("POSTERN_ISSUERS".to_owned(), external.into());
    }
    // A rule about the access cookie is then for the settings to judge.
    vars.insert("POSTERN_COOKIE".to_owned(), json!({ "access": true }));
}

fn live(context: &Context) -> Result<Value, Failure> {
    let answer = context.admin()?.admin("GET", "/routes", None)?;
    match answer.get("source").and_then(Value::as_str) {
        Some("kv") => Ok(json!({
            "version": answer.get("version").cloned().unwrap_or_default(),
            "routes": answer.get("routes").cloned().unwrap_or_default(),
        })),
        _ => Err(Failure::refused(
            "the deployment's route table is in its variables, not in KV: check its settings file (--settings)",
        )),
    }
}

/// `NAME: VALUE`. A token on the command line would be in the shell's history.
fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("must be NAME: VALUE")?;
    let name = name.trim().to_ascii_lowercase();
    match name.as_str() {
        "" => Err("must be NAME: VALUE".to_owned()),
        "authorization" | "cookie" => {
            Err("cannot be passed with --header: use --token-file or --claims, and --cookie".to_owned())
        }
        _ => Ok((name, value.trim().to_owned())),
    }
}

fn parsed(path: &Path) -> Result<Value, Failure> {
    serde_json::from_str(&read_text(path)?)
        .map_err(|error| Failure::refused(format!("{}: {error}", path.display())))
}

fn claims_of(path: &Path) -> Result<Map<String, Value>, Failure> {
    match parsed(path)? {
        Value::Object(claims) => Ok(claims),
        _ => Err(Failure::refused(format!("{}: the claims must be an object", path.display()))),
    }
}
