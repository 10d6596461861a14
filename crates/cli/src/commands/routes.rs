//! `postern routes`: is the table right, and what does it do with a request.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use clap::Subcommand;
use postern_app::{
    config::{Config, ConfigError, RouteDocument},
    gateway::{explain::Ask, review::Remark},
    http::PlainRequest,
    service::explain::{Answer, Explainer, Explanation, Place, Supposed},
};
use serde_json::{Map, Value, json};

use crate::{
    context::Context,
    failure::Failure,
    files::read_text,
    report::{Report, counted, plain},
    settings::{STAND_IN_KEY, SettingsFile},
};

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

fn checked(table: Table, notes: &[String], strict: bool) -> Report {
    let (count, mistakes, remarks) = match table {
        Table::Mistaken(mistakes) => (None, mistakes, Vec::new()),
        Table::Sound(explainer) => {
            (Some(explainer.gate().routes().len()), Vec::new(), named_remarks(&explainer))
        }
    };
    let mut lines: Vec<String> = mistakes.iter().map(|mistake| format!("wrong    {mistake}")).collect();
    lines.extend(remarks.iter().map(|(name, remark)| {
        format!("warning  POSTERN_ROUTES[{}] `{name}`: {} [{}]", remark.index, remark.text, remark.code)
    }));
    lines.extend(notes.iter().map(|note| format!("note     {note}")));
    lines.push(match (count, remarks.len()) {
        (None, _) => format!("{}: Postern would not start", counted(mistakes.len(), "mistake")),
        (Some(count), 0) => format!("sound: {}", counted(count, "route")),
        (Some(count), warnings) => {
            format!("sound: {}, {}", counted(count, "route"), counted(warnings, "warning"))
        }
    });
    let value = json!({
        "sound": mistakes.is_empty(),
        "routes": count,
        "mistakes": mistakes.iter()
            .map(|mistake| json!({ "path": mistake.path, "problem": mistake.problem }))
            .collect::<Vec<_>>(),
        "warnings": remarks.iter()
            .map(|(name, remark)| json!({
                "path": format!("POSTERN_ROUTES[{}]", remark.index),
                "route": name, "code": remark.code, "problem": remark.text,
            }))
            .collect::<Vec<_>>(),
        "notes": notes,
    });
    let wrong = !mistakes.is_empty() || (strict && !remarks.is_empty());
    let report = Report::lines(value, lines);
    if wrong { report.found_wrong() } else { report }
}

fn named_remarks(explainer: &Explainer) -> Vec<(String, Remark)> {
    let name = |remark: &Remark| {
        explainer.gate().routes().get(remark.index).map(|route| route.name.clone()).unwrap_or_default()
    };
    explainer.review().into_iter().map(|remark| (name(&remark), remark)).collect()
}

pub(crate) fn told(explainer: &Explainer, explanation: &Explanation, notes: &[String]) -> Report {
    let Explanation { path, passed_over, route, answer, supposed } = explanation;
    let mut lines = Vec::new();
    lines.push(match path {
        Some(path) => format!("path     {path}"),
        None => "path     none: the path is ambiguous".to_owned(),
    });
    for over in passed_over {
        lines.push(format!("not      {} `{}`: {}", over.index, over.name, over.why));
    }
    let mut policy = Value::Null;
    if let Some(deciding) = route {
        lines.push(format!("matches  {} `{}`", deciding.index, deciding.name));
        for (name, value) in &deciding.params {
            lines.push(format!("         {{{name}}} is {}", plain(&Value::from(value.as_str()))));
        }
        if let Some(route) = explainer.gate().routes().get(deciding.index) {
            let access = access(route);
            lines.push(format!("access   {}", access.0));
            lines.push(format!("         revocation: {}", access.1));
            let resource = route.resource();
            policy = json!({
                "access": access.0,
                "revocation": access.1,
                "resource": resource.map(|resource| json!({
                    "id": resource.id.as_str(),
                    "metadata_url": resource.id.metadata_url(),
                    "authorization_servers": resource.authorization_servers,
                    "scopes_supported": resource.scopes,
                })),
            });
            if let Some(resource) = resource {
                let servers = resource.authorization_servers.join(", ");
                lines.push(format!("resource {}", resource.id));
                lines.push(format!("         metadata: {}", resource.id.metadata_url()));
                lines.push(format!("         authorization servers: {servers}"));
            }
        }
        for Ask { what, met, .. } in &deciding.asks {
            let mark = match met {
                None => "        ",
                Some(true) => "met     ",
                Some(false) => "NOT MET ",
            };
            lines.push(format!("{mark} {}", plain(&Value::from(what.as_str()))));
        }
    }
    let answered = match answer {
        Answer::Own => {
            lines.push("answer   from Postern itself: no route serves this path".to_owned());
            json!({ "by": "postern" })
        }
        Answer::Preflight { reply, permitted } => {
            let what = if *permitted {
                "pages of the origin may send the request"
            } else {
                "the origin is not allowed"
            };
            lines.push(format!("answer   {} to the preflight: {what}", reply.status));
            json!({ "by": "gate", "status": reply.status, "preflight": true, "permitted": permitted })
        }
        Answer::Forwarded { url } => {
            lines.push(format!("answer   from the upstream, at {}", plain(&Value::from(url.as_str()))));
            json!({ "by": "upstream", "url": url })
        }
        Answer::Refused { reply, why } => {
            let problem: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let code = problem.get("code").cloned().unwrap_or_default();
            let challenge = reply.header("www-authenticate");
            lines.push(format!("answer   {} {}", reply.status, plain(&code)));
            lines.push(format!("because  {}", plain(&Value::from(why.as_str()))));
            json!({
                "by": "gate", "status": reply.status, "code": code, "why": why, "www_authenticate": challenge,
            })
        }
    };
    lines.extend(supposed.iter().map(|what| format!("supposed {what}")));
    lines.extend(notes.iter().map(|note| format!("note     {note}")));
    let value = json!({
        "path": path.as_ref().map(ToString::to_string),
        "passed_over": passed_over.iter()
            .map(|over| json!({ "index": over.index, "route": over.name, "why": over.why }))
            .collect::<Vec<_>>(),
        "route": route.as_ref().map(|deciding| json!({
            "index": deciding.index,
            "name": deciding.name,
            "params": deciding.params.iter().cloned().collect::<BTreeMap<_, _>>(),
            "policy": policy,
            "asks": deciding.asks.iter()
                .map(|ask| json!({ "member": ask.member, "what": ask.what, "met": ask.met }))
                .collect::<Vec<_>>(),
        })),
        "answer": answered,
        "supposed": supposed,
        "notes": notes,
    });
    Report::lines(value, lines)
}

/// The route's access and its level of revocation, as the table names them.
fn access(route: &postern_app::gateway::Route) -> (&'static str, &'static str) {
    use postern_app::gateway::{Access, RevocationLevel};
    let access = match route.access {
        Access::Public => "public",
        Access::Optional => "optional",
        Access::Required(_) => "required",
    };
    let revocation = match route.revocation {
        RevocationLevel::None => "none",
        RevocationLevel::Feed => "feed",
        RevocationLevel::Strong => "strong",
    };
    (access, revocation)
}
