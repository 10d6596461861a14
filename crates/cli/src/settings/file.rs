//! A `wrangler.toml` and the `.dev.vars` beside it: what is in them, read as wrangler reads it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{dotenv, lines::Lines};
use crate::{failure::Failure, files::read_text, host::is_file};

/// Stands in for the secret, which is in no file that is deployed.
pub(crate) const STAND_IN_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// The files of one's own, in the order in which a command that names none looks for them.
const DEPLOYED: &str = "wrangler.production.toml";
const LOCAL: &str = "wrangler.local.toml";
/// Postern's own, without settings; in a folder that is no clone it may be one's own.
const PLAIN: &str = "wrangler.toml";

/// Where the settings are, for commands that need them beside something else.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct SettingsFile {
    /// The settings file: your wrangler.production.toml or wrangler.local.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// The wrangler environment whose `[vars]` apply
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Use the .dev.vars beside the file, too. This is the default for a file with
    /// `POSTERN_PROFILE` = "local"
    #[arg(long)]
    pub(crate) local: bool,
}

impl SettingsFile {
    /// Whether settings are to be read at all, where a command can do without.
    pub(crate) const fn is_asked(&self) -> bool {
        self.settings.is_some() || self.env.is_some() || self.local
    }

    /// The variables, by the file that was named or is there.
    pub(crate) fn read(&self) -> Result<Variables, Failure> {
        let path = match &self.settings {
            Some(path) => path.clone(),
            None => default_file(self.local)?,
        };
        let deployed = Deployed::read(&path, self.env.as_deref())?;
        let variables = deployed.variables(self.local)?;
        if !deployed.has_vars() && variables.of_dev_vars.is_empty() {
            return Err(Failure::refused(deployed.without_vars()));
        }
        Ok(variables)
    }
}

/// The variables of a deployment, as its Worker gets them.
#[derive(Debug)]
pub(crate) struct Variables {
    /// The file, as it was named.
    pub(crate) file: String,
    pub(crate) values: BTreeMap<String, Value>,
    /// Whether `.dev.vars` was read over the file.
    pub(crate) local: bool,
    /// The names whose values are those of `.dev.vars`.
    pub(crate) of_dev_vars: BTreeSet<String>,
}

impl Variables {
    /// The file that this variable is in, to say where to mend it.
    pub(crate) fn file_of(&self, path: &str) -> &str {
        let name = path.split(['.', '[']).next().unwrap_or(path);
        if self.of_dev_vars.contains(name) { ".dev.vars" } else { &self.file }
    }
}

/// Which file is meant when none is named.
pub(crate) fn default_file(local: bool) -> Result<PathBuf, Failure> {
    let order = if local { [LOCAL, PLAIN, DEPLOYED] } else { [DEPLOYED, PLAIN, LOCAL] };
    let is_meant = |name: &&str| {
        let path = Path::new(name);
        // Postern's own file has none: it holds no deployment's settings.
        is_file(path) && (*name != PLAIN || Deployed::read(path, None).map_or(true, |own| own.has_vars()))
    };
    order.into_iter().find(is_meant).map(PathBuf::from).ok_or_else(|| {
        Failure::usage(format!(
            "no settings file is given, and this folder has no {DEPLOYED}. Name your file, or create one with `postern init config`"
        ))
    })
}

/// A `wrangler.toml`, and the part of it that an environment has for itself.
pub(crate) struct Deployed {
    path: PathBuf,
    text: String,
    whole: toml::Table,
    env: Option<(String, toml::Table)>,
}

impl Deployed {
    pub(crate) fn read(path: &Path, env: Option<&str>) -> Result<Self, Failure> {
        let text = read_text(path)?;
        let shown = path.display();
        let whole: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let (line, column) = error.span().map_or((1, 1), |span| place(&text, span.start));
            // The parser's own form would show the line, which may hold a secret.
            Failure::refused(format!("{shown}:{line}:{column}: {}", error.message().replace('\n', ", ")))
        })?;
        let env = env.map(|name| environment(&whole, name).map(|own| (name.to_owned(), own))).transpose();
        let env = env.map_err(|problem| Failure::refused(format!("{shown} {problem}")))?;
        Ok(Self { path: path.to_owned(), text, whole, env })
    }

    /// The same of a text that is a part of this program.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(Self { path: PathBuf::new(), text: String::new(), whole: text.parse().ok()?, env: None })
    }

    pub(crate) fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// In which lines its tables and variables are.
    pub(crate) fn lines(&self) -> Lines {
        Lines::read(&self.text, self.env.as_ref().map(|(name, _)| name.as_str()))
    }

    /// Whether it is Postern's own file, which is not deployed.
    pub(crate) fn is_template(&self) -> bool {
        self.path.ends_with(PLAIN) && !self.has_vars()
    }

    pub(crate) fn has_vars(&self) -> bool {
        self.table().is_some()
    }

    fn table(&self) -> Option<&toml::Table> {
        self.named("vars").and_then(toml::Value::as_table)
    }

    /// What to do about a file without `[vars]`.
    pub(crate) fn without_vars(&self) -> String {
        let hint = if self.env.is_some() {
            ": a wrangler environment does not inherit them, so it needs [env.NAME.vars]"
        } else if self.whole.keys().any(|name| name.starts_with("POSTERN_")) {
            ": put the variables below a line [vars], and each route below [[vars.POSTERN_ROUTES]]"
        } else if self.path.ends_with(PLAIN) {
            ": it is the template that comes with Postern. Your settings are in wrangler.production.toml (created by `postern init config`) and wrangler.local.toml (created by `make dev`)"
        } else {
            ""
        };
        format!("{} has no [vars]{hint}", self.shown())
    }

    /// `[vars]` of the file, as the Worker gets them. Empty when there is none.
    pub(crate) fn vars(&self) -> Result<BTreeMap<String, Value>, Failure> {
        let value = |(name, value): (&String, &toml::Value)| {
            serde_json::to_value(value).map(|value| (name.clone(), value))
        };
        let vars = self.table().into_iter().flatten().map(value).collect::<Result<_, _>>();
        vars.map_err(|error| Failure::refused(format!("{}: {error}", self.shown())))
    }

    /// Whether the file is for one machine alone by its own word.
    pub(crate) fn is_local(&self) -> bool {
        self.table().and_then(|vars| vars.get("POSTERN_PROFILE")).and_then(toml::Value::as_str)
            == Some("local")
    }

    /// The variables that count: those of the file, and here those of `.dev.vars` over them.
    pub(crate) fn variables(&self, local: bool) -> Result<Variables, Failure> {
        let local = local || self.is_local();
        let mut values = self.vars()?;
        let mut of_dev_vars = BTreeSet::new();
        if local && let Some(text) = self.dev_vars()? {
            for (name, value) in dotenv::read(&text) {
                of_dev_vars.insert(name.clone());
                values.insert(name, value.into());
            }
        }
        // Bindings of others and other programs' variables.
        values.retain(|name, _| name.starts_with("POSTERN_"));
        Ok(Variables { file: self.shown(), values, local, of_dev_vars })
    }

    /// The `.dev.vars` that wrangler takes: an environment's own, if there is one.
    fn dev_vars(&self) -> Result<Option<String>, Failure> {
        let own = self.env.as_ref().map(|(name, _)| format!(".dev.vars.{name}"));
        let names = own.iter().map(String::as_str).chain([".dev.vars"]);
        let found = names.map(|name| self.path.with_file_name(name)).find(|path| is_file(path));
        found.as_deref().map(read_text).transpose()
    }

    /// The tables that an environment does not inherit: variables and bindings.
    pub(crate) fn named(&self, name: &str) -> Option<&toml::Value> {
        self.env.as_ref().map_or(&self.whole, |(_, own)| own).get(name)
    }

    /// What it does inherit.
    pub(crate) fn inherited(&self, name: &str) -> Option<&toml::Value> {
        self.named(name).or_else(|| self.whole.get(name))
    }

    /// The names that the tables of a list have under `member`.
    pub(crate) fn names(&self, list: &[&str], member: &str) -> BTreeSet<&str> {
        let Some((first, rest)) = list.split_first() else { return BTreeSet::new() };
        let found = rest.iter().try_fold(self.named(first), |at, name| Some(at?.get(name))).flatten();
        let tables = found.and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        tables.iter().filter_map(|table| table.get(member)?.as_str()).collect()
    }
}

/// The tables of an environment; what is wrong when there is none.
fn environment(whole: &toml::Table, name: &str) -> Result<toml::Table, String> {
    let all = whole.get("env").and_then(toml::Value::as_table);
    if let Some(toml::Value::Table(own)) = all.and_then(|all| all.get(name)) {
        return Ok(own.clone());
    }
    let known: Vec<&str> = all.into_iter().flat_map(toml::Table::keys).map(String::as_str).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(format!("has no environment {name:?}; its environments: {known}"))
}

/// Line and column of a place in a text, from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
