//! `postern config`: are the settings fit to be deployed, or to be run on this machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use clap::Subcommand;
use postern_app::{
    config::{Config, ConfigError},
    service::explain::Explainer,
};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    host,
    report::{Report, counted},
    settings::{
        Deployed, Lines, STAND_IN_KEY, SettingsFile, TEMPLATE, Variables, bindings, default_file,
        public_suffixes,
    },
};

/// What `wrangler secret put` is for.
const SECRETS: [&str; 2] = ["POSTERN_MASTER_KEY", "POSTERN_METRICS_TOKEN"];

/// From when on deleting an object's storage also drops its alarm, as Postern counts on.
const LEAST_COMPATIBILITY_DATE: &str = "2026-02-24";

/// Where Cloudflare ends a variable of a deployed Worker, in bytes. A Worker on this machine has
/// no such end.
const MAX_VARIABLE_BYTES: usize = 5 * 1024;

/// The settings of a deployment.
#[derive(Debug, Subcommand)]
pub(crate) enum Settings {
    /// Report every mistake in a settings file before it is deployed: variables, routes, bindings
    ///
    /// The command does not contact a deployment. Secrets are not in the file; `POSTERN_MASTER_KEY` is checked too if it is
    /// in the environment.
    Check {
        /// The settings file. The default is wrangler.production.toml
        file: Option<PathBuf>,
        /// The wrangler environment to deploy
        #[arg(long, value_name = "NAME")]
        env: Option<String>,
        /// Check for this machine, with the .dev.vars beside the file, and not for a deployment. This is
        /// the default for a file with `POSTERN_PROFILE` = "local" and without a database id
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
        let checked = Checked::of(file.as_deref(), env.as_deref(), *local)?;
        Ok(checked.found.report(&checked.vars, &checked.lines, checked.local, checked.routes))
    }
}

/// A file that was checked.
struct Checked {
    found: Found,
    vars: Variables,
    lines: Lines,
    /// For this machine, and not for a deployment.
    local: bool,
    /// The number of routes, if there are no mistakes.
    routes: Option<usize>,
}

/// How many mistakes and warnings a file has, for a deployment or for this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Soundness {
    pub(crate) mistakes: usize,
    pub(crate) warnings: usize,
}

/// The file that is meant, and how sound it is.
pub(crate) fn soundness(asked: &SettingsFile) -> Result<(String, Soundness), String> {
    let checked = Checked::of(asked.settings.as_deref(), asked.env.as_deref(), asked.local)
        .map_err(|failure| failure.message)?;
    let Checked { found, vars, .. } = checked;
    Ok((vars.file, Soundness { mistakes: found.wrong.len(), warnings: found.warnings.len() }))
}

impl Checked {
    fn of(file: Option<&Path>, env: Option<&str>, local: bool) -> Result<Self, Failure> {
        let file = file.map_or_else(|| default_file(local), |file| Ok(file.to_owned()))?;
        let deployed = Deployed::read(&file, env)?;
        if deployed.is_template() {
            return Err(Failure::refused(deployed.without_vars()));
        }
        let mut found = Found::default();
        // A file that cannot be deployed yet and is for this machine by its own word.
        let local = local || (deployed.is_local() && deployed.has_blank_ids());
        let mut vars = deployed.variables(local)?;
        if !local {
            let written = deployed.vars()?;
            for name in SECRETS.into_iter().filter(|name| written.contains_key(*name)) {
                found.wrong(
                    name,
                    format!("is a secret and must not be in the file. Remove it, generate a new one, and run `npx wrangler secret put {name} -c {}`", file.display()),
                );
            }
            if let Some(key) = host::variable("POSTERN_MASTER_KEY") {
                vars.values.entry("POSTERN_MASTER_KEY".to_owned()).or_insert_with(|| key.into());
            } else if !vars.values.contains_key("POSTERN_MASTER_KEY") {
                found.note("POSTERN_MASTER_KEY is not checked: `wrangler secret put` sets it");
                vars.values.insert("POSTERN_MASTER_KEY".to_owned(), STAND_IN_KEY.into());
            }
        }
        let routes = if deployed.has_vars() || !vars.of_dev_vars.is_empty() {
            look(&vars.values, &mut found)
        } else {
            found.wrong("vars", deployed.without_vars());
            None
        };
        deployed.bindings_of(&vars.values, &mut found);
        deployed.own_bindings(&mut found);
        sizes(&vars.values, local, &mut found);
        if !local {
            deployed.fit_to_deploy(&mut found);
        }
        let lines = deployed.lines();
        Ok(Self { found, vars, lines, local, routes })
    }
}

/// What the Worker's own reader says of the variables, and what is likely wrong with the routes.
/// The number of routes, if there are no mistakes.
fn look(vars: &BTreeMap<String, Value>, found: &mut Found) -> Option<usize> {
    match Config::from_vars(vars) {
        Err(mistakes) => {
            found.wrong.extend(mistakes);
            None
        }
        Ok(config) => {
            found.wrong.extend(public_suffixes::mistakes(&config));
            found.notes.extend(public_suffixes::notes(&config));
            found.warnings.extend(config.retired.iter().cloned());
            let count = config.routes.len();
            if count == 0 && config.routes_in_kv.is_none() {
                found.warn("POSTERN_ROUTES", "is not set: the gate refuses every request");
            }
            for remark in Explainer::new(config).review() {
                found.warn(
                    &format!("POSTERN_ROUTES[{}]", remark.index),
                    format!("{} [{}]", remark.text, remark.code),
                );
            }
            Some(count)
        }
    }
}

/// Variables that are longer than the platform takes.
fn sizes(vars: &BTreeMap<String, Value>, local: bool, found: &mut Found) {
    for (name, value) in vars {
        let bytes = value.as_str().map_or_else(|| value.to_string().len(), str::len);
        if bytes <= MAX_VARIABLE_BYTES {
            continue;
        }
        let what = if name == "POSTERN_ROUTES" {
            "move the table to KV (docs/reference/routes.md, \"A table in KV\")"
        } else {
            "shorten it"
        };
        let where_ = if local { "this works on this machine, but a deployed Worker's" } else { "a Worker's" };
        let problem =
            format!("has {bytes} bytes; {where_} variable can have at most {MAX_VARIABLE_BYTES}: {what}");
        if local { found.warn(name, problem) } else { found.wrong(name, problem) }
    }
}

impl Found {
    fn wrong(&mut self, path: &str, problem: impl Into<String>) {
        self.wrong.push(ConfigError { path: path.to_owned(), problem: problem.into() });
    }

    fn warn(&mut self, path: &str, problem: impl Into<String>) {
        self.warnings.push(ConfigError { path: path.to_owned(), problem: problem.into() });
    }

    fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    fn report(self, vars: &Variables, places: &Lines, local: bool, routes: Option<usize>) -> Report {
        let Variables { file, .. } = vars;
        // The file and line to edit, then what is wrong there.
        let told = |word: &str, one: &ConfigError| match vars.file_of(&one.path) {
            own if own == file => match places.of(&one.path) {
                Some(line) => format!("{word}{file}:{line}: {one}"),
                None => format!("{word}{file}: {one}"),
            },
            other => format!("{word}{other}: {one}"),
        };
        let mut lines: Vec<String> = self.wrong.iter().map(|one| told("wrong    ", one)).collect();
        lines.extend(self.warnings.iter().map(|one| told("warning  ", one)));
        lines.extend(self.notes.iter().map(|note| format!("note     {note}")));
        let fit = if local { "to be run on this machine" } else { "to be deployed" };
        let warnings = counted(self.warnings.len(), "warning");
        lines.push(match self.wrong.len() {
            0 => {
                let routes = counted(routes.unwrap_or_default(), "route");
                let local = if local { " on this machine (it was not checked for a deployment)" } else { "" };
                format!("{file} is sound{local}: {routes}, {warnings}")
            }
            wrong => format!("{file} is not ready {fit}: {}, {warnings}", counted(wrong, "mistake")),
        });
        let listed = |all: &[ConfigError]| -> Value {
            all.iter()
                .map(|one| {
                    let file = vars.file_of(&one.path);
                    let line = (file == vars.file).then(|| places.of(&one.path)).flatten();
                    json!({ "path": one.path, "problem": one.problem, "file": file, "line": line })
                })
                .collect()
        };
        let value = json!({
            "sound": self.wrong.is_empty(),
            "local": local,
            "routes": routes,
            "mistakes": listed(&self.wrong),
            "warnings": listed(&self.warnings),
            "notes": self.notes,
        });
        let report = Report::lines(value, lines);
        if self.wrong.is_empty() { report } else { report.found_wrong() }
    }
}

impl Deployed {
    /// What Postern itself cannot do without, by the file that this version comes with.
    fn own_bindings(&self, found: &mut Found) {
        let Some(ours) = Self::parse(TEMPLATE) else { return };
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
                        "lacks {}, which this version of Postern requires. Copy the tables from Postern's wrangler.toml",
                        lacking.join(", ")
                    ),
                );
            }
        }
        let there = self.classes();
        let lacking: Vec<&str> = ours.classes().into_iter().filter(|class| !there.contains(class)).collect();
        // A file without objects has been told of those.
        if !lacking.is_empty() && self.named("durable_objects").is_some() {
            found.wrong(
                "migrations",
                format!(
                    "lacks {}. Add the missing [[migrations]] from Postern's wrangler.toml, and do not change migrations that were deployed",
                    lacking.join(", ")
                ),
            );
        }
    }

    /// The classes of objects that the migrations make.
    fn classes(&self) -> BTreeSet<&str> {
        let steps = self.inherited("migrations").and_then(toml::Value::as_array);
        let lists = steps.into_iter().flatten().filter_map(|step| step.get("new_sqlite_classes")?.as_array());
        lists.flatten().filter_map(toml::Value::as_str).collect()
    }

    /// What the settings speak of.
    fn bindings_of(&self, vars: &BTreeMap<String, Value>, found: &mut Found) {
        for wanted in bindings::wanted(vars) {
            let bindings::Wanted { path, list, member, name } = &wanted;
            if !self.names(list, member).contains(name.as_str()) {
                let table = list.join(".");
                // A name that is none is the reader's to judge; no value of it is repeated.
                let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                let name = if plain { name } else { "..." };
                found.wrong(
                    path,
                    format!("names a binding that is missing: [[{table}]] with {member} = \"{name}\""),
                );
            }
        }
    }

    /// The lists of what is made once for each account, with the member that has its id and the
    /// command that makes it.
    const MADE: [(&str, &str, &str); 2] = [
        ("kv_namespaces", "id", "npx wrangler kv namespace create POSTERN_KV"),
        ("d1_databases", "database_id", "npx wrangler d1 create postern"),
    ];

    fn is_blank(&self, list: &str, member: &str) -> bool {
        let zeros = |id: &&str| id.bytes().all(|byte| byte == b'0' || byte == b'-');
        self.names(&[list], member).iter().any(zeros)
    }

    /// Whether nothing that it names was made yet, so that wrangler cannot deploy it.
    fn has_blank_ids(&self) -> bool {
        Self::MADE.iter().all(|(list, member, _)| self.is_blank(list, member))
    }

    /// What works on this machine and not for others.
    fn fit_to_deploy(&self, found: &mut Found) {
        if self.is_local() {
            found.wrong(
                "POSTERN_PROFILE",
                "must not be \"local\": that profile adds two users with a public password. To check a file for this machine, pass --local",
            );
        }
        for (list, member, make) in Self::MADE {
            if self.is_blank(list, member) {
                found.wrong(
                    &format!("{list}.{member}"),
                    format!("is still the placeholder of zeros: `{make}` prints the real id"),
                );
            }
        }
        let date = self.inherited("compatibility_date").and_then(toml::Value::as_str);
        let ours = Self::parse(TEMPLATE);
        let ours = ours.as_ref().and_then(|ours| ours.inherited("compatibility_date")?.as_str());
        if date.is_some_and(|date| date < LEAST_COMPATIBILITY_DATE) {
            found.wrong("compatibility_date", format!("must be {LEAST_COMPATIBILITY_DATE} or later"));
        } else if let (Some(date), Some(ours)) = (date, ours)
            && date < ours
        {
            found.warn(
                "compatibility_date",
                format!("is older than {ours}, with which this version was tested"),
            );
        }
    }
}
