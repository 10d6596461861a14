//! What an upgrade to the version of this program needs, and what a way back would meet.

use postern_app::config::Config;

use super::finding::Finding;
use crate::{
    commands::config::{Soundness, soundness},
    host::LogSource,
    report::counted,
    settings::SettingsFile,
};

const VERSION: &str = "version";
const SETTINGS: &str = "settings for this version";
const MIGRATIONS: &str = "migrations";
const WAY_BACK: &str = "way back";

/// The version of this program, and of the Worker that it comes with.
const OWN: &str = env!("CARGO_PKG_VERSION");

/// The longest list of wrangler's that is read, in bytes.
const MAX_LIST: usize = 256 * 1024;

/// Settings that leave something behind that an older version cannot serve, with the first version that can, in the order
/// of `docs/guides/upgrade.md`.
const SHARP: [(&str, [u64; 3], InUse); 2] = [
    ("POSTERN_PAGES: browser sessions", [0, 1, 0], |config| config.pages.is_some()),
    ("clients with redirect_uris: grants and codes", [0, 1, 0], |config| !config.oauth_clients.is_empty()),
];

type InUse = fn(&Config) -> bool;

/// `metrics` is the text of `/metrics`, where it could be had.
pub(super) fn look(asked: &SettingsFile, config: &Config, metrics: Option<&str>) -> Vec<Finding> {
    let deployed = metrics.and_then(version_of);
    let mut findings = vec![versions(deployed)];
    match soundness(asked) {
        Ok((file, sound)) => {
            findings.push(settings(&file, &sound));
            let list = listed(&file, asked);
            let shown = |verb: &str| format!("npx wrangler {}", words(verb, &file, asked).join(" "));
            findings.push(migrations(&shown, list.as_deref().map_err(String::as_str)));
        }
        Err(problem) => findings.push(Finding::wrong(SETTINGS, problem, "")),
    }
    findings.push(way_back(config, deployed));
    findings
}

/// The version in a text of `/metrics`.
fn version_of(metrics: &str) -> Option<[u64; 3]> {
    let version = metrics.lines().find_map(|line| line.strip_prefix("postern_build_info{version=\""))?;
    parsed(version.split('"').next()?)
}

fn parsed(version: &str) -> Option<[u64; 3]> {
    let numbers: Vec<u64> =
        version.split(['-', '+']).next()?.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    numbers.try_into().ok()
}

fn shown([major, minor, patch]: [u64; 3]) -> String {
    format!("{major}.{minor}.{patch}")
}

fn versions(deployed: Option<[u64; 3]>) -> Finding {
    let (Some(deployed), Some(own)) = (deployed, parsed(OWN)) else {
        return Finding::skipped(
            VERSION,
            format!(
                "this program is of {OWN}; the deployed version is in /metrics, which takes a sign-in (`postern login`)"
            ),
        );
    };
    let detail = format!("{} is deployed, and this program is of {OWN}", shown(deployed));
    if deployed > own {
        let advice = "to deploy this version is a way back: see the compatibility of versions (docs/reference/compatibility.md)";
        return Finding::warning(VERSION, detail, advice);
    }
    Finding::good(VERSION, detail)
}

/// The rules are those of this program, and so of the version to be deployed.
fn settings(file: &str, sound: &Soundness) -> Finding {
    let detail =
        format!("{file}: {}, {}", counted(sound.mistakes, "mistake"), counted(sound.warnings, "warning"));
    let advice =
        format!("`postern config check {file}` lists them, with missing bindings and classes of objects");
    match sound {
        Soundness { mistakes: 0, warnings: 0 } => Finding::good(SETTINGS, detail),
        Soundness { mistakes: 0, .. } => Finding::warning(SETTINGS, detail, &advice),
        Soundness { .. } => Finding::wrong(SETTINGS, detail, &advice),
    }
}

/// The words for wrangler.
fn words<'w>(verb: &'w str, file: &'w str, asked: &'w SettingsFile) -> Vec<&'w str> {
    let place = if asked.local { "--local" } else { "--remote" };
    let mut words = vec!["d1", "migrations", verb, "DB", place, "-c", file];
    if let Some(env) = &asked.env {
        words.extend(["--env", env]);
    }
    words
}

/// What wrangler lists, by its own sign-in at Cloudflare.
fn listed(file: &str, asked: &SettingsFile) -> Result<String, String> {
    let words = [vec!["wrangler"], words("list", file, asked)].concat();
    let mut source = LogSource::program("npx", &words).map_err(|error| error.to_string())?;
    let mut list = Vec::new();
    loop {
        let piece = source.read().map_err(|error| error.to_string())?;
        if piece.is_empty() {
            break;
        }
        if list.len() < MAX_LIST {
            list.extend(piece);
        }
    }
    source.end().map(|()| String::from_utf8_lossy(&list).into_owned())
}

/// The list's form is wrangler's, for people: only names of files, and its sentence that there are none, are read. `command`
/// is what lists or applies them.
fn migrations(command: &dyn Fn(&str) -> String, list: Result<&str, &str>) -> Finding {
    let list = match list {
        Ok(list) => list,
        Err(cause) => {
            let detail = format!("not listed ({cause}); `{}` does", command("list"));
            return Finding::skipped(MIGRATIONS, detail);
        }
    };
    let is_name = |word: &&str| {
        word.starts_with(|first: char| first.is_ascii_digit()) && word.strip_suffix(".sql").is_some()
    };
    let pending: Vec<&str> = list.split([' ', '\t', '\n', '\r', '│', '|']).filter(is_name).collect();
    if !pending.is_empty() {
        let advice = format!("before the deployment: `{}`. Older versions work with them", command("apply"));
        return Finding::warning(MIGRATIONS, format!("pending: {}", pending.join(", ")), &advice);
    }
    if list.contains("No migrations to apply") {
        return Finding::good(MIGRATIONS, "none is pending");
    }
    Finding::skipped(MIGRATIONS, format!("wrangler's list is not readable; `{}` shows it", command("list")))
}

/// Settings in use that an older version could not serve after a way back to it.
fn way_back(config: &Config, deployed: Option<[u64; 3]>) -> Finding {
    let is_sharp = |since: &[u64; 3]| deployed.is_none_or(|deployed| deployed < *since);
    let sharp: Vec<String> = SHARP
        .iter()
        .filter(|(_, since, in_use)| in_use(config) && is_sharp(since))
        .map(|(what, since, _)| format!("{what} (since {})", shown(*since)))
        .collect();
    if sharp.is_empty() {
        return Finding::good(WAY_BACK, "no setting in use leaves what the deployed version cannot serve");
    }
    Finding::warning(
        WAY_BACK,
        format!("an older version cannot serve what these leave: {}", sharp.join(", ")),
        "turn them on in a deployment of their own, after this version serves every request (docs/guides/upgrade.md)",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::{commands::doctor::finding::Status, settings::STAND_IN_KEY};

    fn config(more: &Value) -> Config {
        let mut vars: BTreeMap<String, Value> = serde_json::from_value(more.clone()).unwrap();
        vars.insert("POSTERN_ISSUER".to_owned(), "https://auth.example.com".into());
        vars.insert("POSTERN_MASTER_KEY".to_owned(), STAND_IN_KEY.into());
        Config::from_vars(&vars).unwrap()
    }

    #[test]
    fn the_deployed_version_is_compared_with_the_programs() {
        let text = format!("# EOF\npostern_build_info{{version=\"{OWN}\"}} 1\n");
        assert_eq!(versions(version_of(&text)).status, Status::Good);
        let newer = text.replace(OWN, "99.0.0-beta.1");
        assert_eq!(version_of(&newer), Some([99, 0, 0]));
        assert_eq!(versions(version_of(&newer)).status, Status::Warning);
        for text in ["", "postern_build_info{version=\"next\"} 1"] {
            assert_eq!(versions(version_of(text)).status, Status::Skipped, "{text}");
        }
    }

    #[test]
    fn pending_migrations_are_named_with_the_command() {
        let command = |verb: &str| format!("npx wrangler d1 migrations {verb} DB --remote -c w.toml");
        let list = "Migrations to be applied:\n┌──────┐\n│ Name │\n├──────┤\n│ 0002_clients.sql │\n│ 0003_more.sql │\n└──────┘\n";
        let found = migrations(&command, Ok(list));
        assert_eq!(
            (found.status, found.detail.as_str()),
            (Status::Warning, "pending: 0002_clients.sql, 0003_more.sql")
        );
        assert!(found.advice.contains("npx wrangler d1 migrations apply DB --remote -c w.toml"));
        assert_eq!(migrations(&command, Ok("✅ No migrations to apply!\n")).status, Status::Good);
        // Another form, or no answer, is never good.
        assert_eq!(migrations(&command, Ok("")).status, Status::Skipped);
        assert_eq!(migrations(&command, Err("exit status: 1")).status, Status::Skipped);
    }

    #[test]
    fn sharp_settings_are_named_where_the_deployed_version_is_older() {
        let pages = config(&json!({"POSTERN_PAGES": {}}));
        let status = |config: &Config, deployed| way_back(config, deployed).status;
        assert_eq!(status(&pages, Some([0, 0, 9])), Status::Warning);
        assert_eq!(status(&pages, None), Status::Warning);
        assert_eq!(status(&pages, Some([0, 1, 0])), Status::Good);
        assert_eq!(status(&config(&json!({})), Some([0, 0, 9])), Status::Good);
        let clients =
            json!([{"client_id": "notes", "redirect_uris": ["https://notes.example.com/callback"]}]);
        let found = way_back(&config(&json!({"POSTERN_CLIENTS": clients})), Some([0, 0, 9]));
        assert!(
            found.detail.contains("clients with redirect_uris") && found.detail.contains("POSTERN_PAGES"),
            "{found:?}"
        );
    }

    #[test]
    fn mistakes_in_the_settings_are_wrong_before_the_upgrade() {
        let of = |mistakes, warnings| settings("w.toml", &Soundness { mistakes, warnings }).status;
        assert_eq!([of(0, 0), of(0, 1), of(2, 0)], [Status::Good, Status::Warning, Status::Wrong]);
    }
}
