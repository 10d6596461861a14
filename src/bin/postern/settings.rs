//! `postern config`: is a `wrangler.toml` fit to be deployed. Reads its `[vars]` for others, too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::Subcommand;
use postern::{
    config::{Config, ConfigError, IdentitySource, NotifierWay},
    gateway::Upstream,
    service::explain::Explainer,
};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    init::WRANGLER_TOML,
    report::{Report, counted},
};

/// Longer files are neither settings nor a route table: KV's own limit for one is below this.
const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;

/// Stands in for the secret, which is in no file that is deployed.
pub(crate) const STAND_IN_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// What `wrangler secret put` is for.
const SECRETS: [&str; 2] = ["POSTERN_MASTER_KEY", "POSTERN_METRICS_TOKEN"];

/// From when on deleting an object's storage also drops its alarm, as Postern counts on.
const LEAST_COMPATIBILITY_DATE: &str = "2026-02-24";

/// The settings of a deployment.
#[derive(Debug, Subcommand)]
pub(crate) enum Settings {
    /// Find every mistake in a wrangler.toml before it is deployed: variables, routes, bindings
    ///
    /// Asks nobody. Secrets are not in the file: `POSTERN_MASTER_KEY` is checked too when it is in
    /// the environment.
    Check {
        /// The file
        #[arg(default_value = "wrangler.toml")]
        file: PathBuf,
        /// The environment of wrangler that is to be deployed
        #[arg(long, value_name = "NAME")]
        env: Option<String>,
        /// As on this machine: with the .dev.vars beside the file, in the local profile or not
        #[arg(long)]
        local: bool,
    },
}

/// What was found.
#[derive(Default)]
struct Found {
    wrong: Vec<ConfigError>,
    warnings: Vec<ConfigError>,
    notes: Vec<String>,
}

impl Settings {
    pub(crate) fn run(&self) -> Result<Report, Failure> {
        let Self::Check { file, env, local } = self;
        let deployed = Deployed::read(file, env.as_deref())?;
        let mut found = Found::default();
        let mut vars = deployed.vars()?;
        if !local {
            for name in SECRETS.into_iter().filter(|name| vars.contains_key(*name)) {
                found.wrong(
                    name,
                    format!("is a secret and stands in the file: take it out, make a new one, and `wrangler secret put {name}`"),
                );
            }
        }
        if *local {
            dev_vars(&file.with_file_name(".dev.vars"), &mut vars)?;
        } else if let Ok(key) = std::env::var("POSTERN_MASTER_KEY") {
            vars.entry("POSTERN_MASTER_KEY".to_owned()).or_insert_with(|| key.into());
        } else if !vars.contains_key("POSTERN_MASTER_KEY") {
            found
                .notes
                .push("POSTERN_MASTER_KEY is not looked at: it is set by `wrangler secret put`".to_owned());
            vars.insert("POSTERN_MASTER_KEY".to_owned(), STAND_IN_KEY.into());
        }
        vars.retain(|name, _| name.starts_with("POSTERN_"));
        let routes = match Config::from_vars(&vars) {
            Err(mistakes) => {
                found.wrong.extend(mistakes);
                None
            }
            Ok(config) => {
                deployed.bindings_of(&config, &mut found);
                let count = config.routes.len();
                if count == 0 && config.routes_in_kv.is_none() {
                    found.warn("POSTERN_ROUTES", "is not set: the gate lets nothing through");
                }
                for remark in Explainer::new(config).review() {
                    found.warn(
                        &format!("POSTERN_ROUTES[{}]", remark.index),
                        format!("{} [{}]", remark.text, remark.code),
                    );
                }
                Some(count)
            }
        };
        deployed.own_bindings(&mut found);
        if !local {
            deployed.fit_to_deploy(&vars, &mut found);
        }
        Ok(found.report(&file.display().to_string(), routes))
    }
}

impl Found {
    fn wrong(&mut self, path: &str, problem: impl Into<String>) {
        self.wrong.push(ConfigError { path: path.to_owned(), problem: problem.into() });
    }

    fn warn(&mut self, path: &str, problem: impl Into<String>) {
        self.warnings.push(ConfigError { path: path.to_owned(), problem: problem.into() });
    }

    fn report(self, file: &str, routes: Option<usize>) -> Report {
        let mut lines: Vec<String> = self.wrong.iter().map(|mistake| format!("wrong    {mistake}")).collect();
        lines.extend(self.warnings.iter().map(|warning| format!("warning  {warning}")));
        lines.extend(self.notes.iter().map(|note| format!("note     {note}")));
        lines.push(match (self.wrong.len(), self.warnings.len()) {
            (0, warnings) => format!(
                "{file} is sound: {}, {}",
                counted(routes.unwrap_or_default(), "route"),
                counted(warnings, "warning")
            ),
            (wrong, warnings) => {
                format!(
                    "{file} is not fit to be deployed: {}, {}",
                    counted(wrong, "mistake"),
                    counted(warnings, "warning")
                )
            }
        });
        let listed = |all: &[ConfigError]| -> Value {
            all.iter().map(|one| json!({ "path": one.path, "problem": one.problem })).collect()
        };
        let value = json!({
            "sound": self.wrong.is_empty(),
            "routes": routes,
            "mistakes": listed(&self.wrong),
            "warnings": listed(&self.warnings),
            "notes": self.notes,
        });
        let report = Report::lines(value, lines);
        if self.wrong.is_empty() { report } else { report.found_wrong() }
    }
}

/// A `wrangler.toml`, and the part of it that an environment has for itself.
pub(crate) struct Deployed {
    shown: String,
    whole: toml::Table,
    env: Option<toml::Table>,
}

impl Deployed {
    pub(crate) fn read(path: &Path, env: Option<&str>) -> Result<Self, Failure> {
        let shown = path.display().to_string();
        let whole: toml::Table =
            read_text(path)?.parse().map_err(|error| Failure::refused(format!("{shown}: {error}")))?;
        let env = match env {
            None => None,
            Some(name) => match whole.get("env").and_then(|all| all.get(name)) {
                Some(toml::Value::Table(named)) => Some(named.clone()),
                _ => return Err(Failure::refused(format!("{shown} has no environment of this name"))),
            },
        };
        Ok(Self { shown, whole, env })
    }

    /// `[vars]`, as the Worker gets them.
    pub(crate) fn vars(&self) -> Result<BTreeMap<String, Value>, Failure> {
        let shown = &self.shown;
        let Some(toml::Value::Table(vars)) = self.named("vars") else {
            let hint = if self.whole.keys().any(|name| name.starts_with("POSTERN_")) {
                ": put the variables below a line [vars], and [[vars.POSTERN_ROUTES]] for a route"
            } else {
                ""
            };
            return Err(Failure::refused(format!("{shown} has no [vars]{hint}")));
        };
        let value = |(name, value): (&String, &toml::Value)| {
            serde_json::to_value(value).map(|value| (name.clone(), value))
        };
        vars.iter()
            .map(value)
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::refused(format!("{shown}: {error}")))
    }

    /// What an environment inherits from nobody: variables and bindings.
    fn named(&self, name: &str) -> Option<&toml::Value> {
        self.env.as_ref().unwrap_or(&self.whole).get(name)
    }

    /// The names that the tables of a list have under `member`.
    fn names(&self, list: &[&str], member: &str) -> BTreeSet<&str> {
        let Some((first, rest)) = list.split_first() else { return BTreeSet::new() };
        let found = rest.iter().try_fold(self.named(first), |at, name| Some(at?.get(name))).flatten();
        items(found, member)
    }

    /// What Postern itself cannot do without, by the file that it comes with.
    fn own_bindings(&self, found: &mut Found) {
        let Ok(whole) = WRANGLER_TOML.parse() else { return };
        let ours = Self { shown: String::new(), whole, env: None };
        for (list, member) in [
            (&["kv_namespaces"][..], "binding"),
            (&["d1_databases"], "binding"),
            (&["durable_objects", "bindings"], "name"),
        ] {
            let there = self.names(list, member);
            let lacking: Vec<&str> =
                ours.names(list, member).into_iter().filter(|name| !there.contains(name)).collect();
            if !lacking.is_empty() {
                found.wrong(
                    &list.join("."),
                    format!(
                        "lack {}: copy their tables, and [[migrations]], from Postern's own wrangler.toml",
                        lacking.join(", ")
                    ),
                );
            }
        }
    }

    /// What the settings speak of.
    fn bindings_of(&self, config: &Config, found: &mut Found) {
        let mut wanted: Vec<(String, &[&str], &str, &str)> = Vec::new();
        for (index, route) in config.routes.iter().enumerate() {
            if let Upstream::Service { binding } = &route.upstream {
                wanted.push((format!("POSTERN_ROUTES[{index}].service"), &["services"], "binding", binding));
            }
            if let Some(limit) = &route.forwarding.rate_limit {
                let path = format!("POSTERN_ROUTES[{index}].rate_limit.binding");
                wanted.push((path, &["ratelimits"], "name", &limit.binding));
            }
        }
        if let IdentitySource::Service { binding, .. } = &config.identity {
            wanted.push(("POSTERN_IDENTITY.service".to_owned(), &["services"], "binding", binding));
        }
        match config.notifier.as_ref().map(|notifier| &notifier.way) {
            Some(NotifierWay::Service(binding)) => {
                wanted.push(("POSTERN_NOTIFIER.service".to_owned(), &["services"], "binding", binding));
            }
            Some(NotifierWay::Queue(binding)) => {
                wanted.push((
                    "POSTERN_NOTIFIER.queue".to_owned(),
                    &["queues", "producers"],
                    "binding",
                    binding,
                ));
            }
            None => {}
        }
        if let Some(binding) = &config.events_queue {
            wanted.push(("POSTERN_EVENTS.queue".to_owned(), &["queues", "producers"], "binding", binding));
        }
        if let Some(binding) = &config.metrics.dataset {
            wanted.push((
                "POSTERN_METRICS.dataset".to_owned(),
                &["analytics_engine_datasets"],
                "binding",
                binding,
            ));
        }
        if let Some(binding) = &config.limits.coarse_binding {
            wanted.push(("POSTERN_LIMITS.coarse_binding".to_owned(), &["ratelimits"], "name", binding));
        }
        for (path, list, member, name) in wanted {
            if !self.names(list, member).contains(name) {
                let table = list.join(".");
                found.wrong(
                    &path,
                    format!("names a binding that is not there: [[{table}]] with {member} = \"{name}\""),
                );
            }
        }
    }

    /// What works on this machine and not for others.
    fn fit_to_deploy(&self, vars: &BTreeMap<String, Value>, found: &mut Found) {
        if vars.get("POSTERN_PROFILE").and_then(Value::as_str) == Some("local") {
            found.wrong("POSTERN_PROFILE", "is \"local\": it makes two users whose password everybody knows");
        }
        for (list, member, make) in [
            ("kv_namespaces", "id", "npx wrangler kv namespace create POSTERN_KV"),
            ("d1_databases", "database_id", "npx wrangler d1 create postern"),
        ] {
            let blank = |id: &&str| id.bytes().all(|byte| byte == b'0' || byte == b'-');
            if self.names(&[list], member).iter().any(blank) {
                found.wrong(
                    &format!("{list}.{member}"),
                    format!("is still the one of zeros: `{make}` prints yours"),
                );
            }
        }
        let date = self.named("compatibility_date").or_else(|| self.whole.get("compatibility_date"));
        if date.and_then(toml::Value::as_str).is_some_and(|date| date < LEAST_COMPATIBILITY_DATE) {
            found.wrong("compatibility_date", format!("must not be before {LEAST_COMPATIBILITY_DATE}"));
        }
    }
}

fn items<'a>(list: Option<&'a toml::Value>, member: &str) -> BTreeSet<&'a str> {
    let tables = list.and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    tables.iter().filter_map(|table| table.get(member)?.as_str()).collect()
}

/// Takes the variables of a `.dev.vars` over those of the file, as `wrangler dev` does.
fn dev_vars(path: &Path, vars: &mut BTreeMap<String, Value>) -> Result<(), Failure> {
    for line in read_text(path)?.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.split_once('=') else { continue };
        let value = value.trim();
        let quoted =
            ['"', '\'', '`'].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
        vars.insert(name.trim().to_owned(), quoted.unwrap_or(value).into());
    }
    Ok(())
}

/// A whole file as text; `-` is standard input.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    let wrong = |error: io::Error| Failure::refused(format!("{}: {error}", path.display()));
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin().take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(wrong)?;
    } else {
        fs::File::open(path)
            .and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text))
            .map_err(wrong)?;
    }
    Ok(text)
}
