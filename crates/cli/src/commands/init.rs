//! `postern init`: what a new deployment begins with.

use std::{
    env, fs,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use clap::Subcommand;
use postern_app::{
    config::Config,
    encoding::base64url,
    http::UrlParts,
    identity::{HashParameters, Login, Password, PasswordHash, UnicodeTables},
    ids::AccountId,
    ports::{Component, Fault, Randomness},
    service::{Isolate, admin::SCOPE},
};
use serde_json::{Value, json};

use crate::{
    context::Context, failure::Failure, files::private_file, prompt::password, report::Report,
    settings::TEMPLATE,
};

/// What is asked of a new deployment.
#[derive(Debug, Subcommand)]
pub(crate) enum Init {
    /// Write a settings file for a deployment, and a .dev.vars with new secrets for this machine
    Config {
        /// The URL of the deployment, which is the `iss` of its access tokens, such as <https://auth.example.com>
        #[arg(long, value_name = "URL")]
        issuer: String,
        /// The `aud` of its access tokens, such as <https://api.example.com>. The default is the issuer
        #[arg(long)]
        audience: Option<String>,
        /// The file to write; an existing file is never overwritten
        #[arg(long, default_value = "wrangler.production.toml")]
        output: PathBuf,
    },
    /// Print a new master key, to store in a variable or to pipe to another command
    MasterKey,
    /// Print the SQL that creates the first administrator
    ///
    /// The command asks for the administrator's password. `POSTERN_MASTER_KEY` must contain the deployment's master
    /// key, because password hashes depend on it.
    Admin {
        /// The administrator's login
        #[arg(long)]
        login: String,
    },
}

impl Init {
    pub(crate) fn run(&self, context: &Context) -> Result<Report, Failure> {
        match self {
            Self::Config { issuer, audience, output } => config(issuer, audience.as_deref(), output),
            Self::MasterKey => master_key(),
            Self::Admin { login } => admin(login, context),
        }
    }
}

/// The machine's randomness.
struct System;

impl Randomness for System {
    #[expect(clippy::disallowed_methods, reason = "an implementation of the port")]
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
        getrandom::fill(buffer).map_err(|error| Fault::new(Component::Crypto, error))
    }
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    System.fill(&mut bytes).map_err(|fault| Failure::unavailable(fault.cause))?;
    Ok(bytes)
}

fn fresh_master_key() -> Result<String, Failure> {
    // As much as HKDF-SHA-256 can use.
    Ok(base64url(&random::<32>()?))
}

fn config(issuer: &str, audience: Option<&str>, output: &Path) -> Result<Report, Failure> {
    let settings = json!({
        "POSTERN_ISSUER": issuer,
        "POSTERN_AUDIENCE": audience.unwrap_or(issuer),
        "POSTERN_MASTER_KEY": fresh_master_key()?,
    });
    let Value::Object(settings) = settings else { return Err(Failure::usage("no settings")) };
    Config::from_vars(&settings.into_iter().collect()).map_err(|mistakes| {
        let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        Failure::usage(all.join("\n         "))
    })?;
    if output.exists() {
        return Err(Failure::refused(format!(
            "{} already exists. Name another file with --output",
            output.display()
        )));
    }
    let host = UrlParts::parse(issuer).map(|parts| parts.host.to_owned()).unwrap_or_default();
    let text = settings_file(output, &host, issuer, audience.unwrap_or(issuer))?;
    let wrong = |path: &Path, error: io::Error| Failure::refused(format!("{}: {error}", path.display()));
    fs::write(output, text).map_err(|error| wrong(output, error))?;
    let local = output.with_file_name(".dev.vars");
    let wrote_local = !local.exists();
    if wrote_local {
        let text = format!(
            "# Secrets of this machine alone: never commit, never deploy.\nPOSTERN_PROFILE=\"local\"\n\
             POSTERN_ISSUER=\"http://localhost:8787\"\nPOSTERN_MASTER_KEY=\"{}\"\n",
            fresh_master_key()?
        );
        private_file(&local)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| wrong(&local, error))?;
    }
    let file = output.display();
    let mut lines = vec![format!("wrote {file}")];
    if wrote_local {
        lines.push(format!("wrote {}, which only its owner can read", local.display()));
    }
    let left = [
        (
            "Create the stores, and put the ids that the commands print into the file",
            vec![
                format!("npx wrangler d1 create postern -c {file}"),
                format!("npx wrangler kv namespace create POSTERN_KV -c {file}"),
                format!("npx wrangler d1 migrations apply DB --remote -c {file}"),
            ],
        ),
        (
            "Generate the master key, and store it with your most important secrets",
            vec![
                "export POSTERN_MASTER_KEY=$(postern init master-key)".to_owned(),
                format!(
                    "printf %s \"$POSTERN_MASTER_KEY\" | npx wrangler secret put POSTERN_MASTER_KEY -c {file}"
                ),
            ],
        ),
        (
            "Create the first administrator",
            vec![
                "postern init admin --login you@example.com > first-administrator.sql".to_owned(),
                format!(
                    "npx wrangler d1 execute DB --remote -c {file} --file first-administrator.sql && rm first-administrator.sql"
                ),
            ],
        ),
        (
            "Add your routes to the file (docs/reference/routes.md), check it, deploy it, and check the deployment",
            vec![
                format!("postern config check {file}"),
                format!("npx wrangler deploy -c {file}"),
                format!("POSTERN_URL={issuer} postern doctor"),
            ],
        ),
    ];
    lines.push("Next steps, once for each deployment:".to_owned());
    for (number, (what, commands)) in (1..).zip(left) {
        lines.push(format!("{number}. {what}:"));
        // Commands alone, so that they can be pasted.
        lines.extend(commands.into_iter().map(|command| format!("     {command}")));
    }
    let value = json!({ "wrote": output, "wrote_dev_vars": wrote_local });
    Ok(Report::lines(value, lines))
}

/// A whole settings file: what is this deployment's own first, then what all have in common.
fn settings_file(output: &Path, host: &str, issuer: &str, audience: &str) -> Result<String, Failure> {
    let quoted = |text: &str| Value::from(text).to_string();
    // The template's comments in front speak of the template.
    let body = TEMPLATE.find("\nname = ").and_then(|at| TEMPLATE.get(at + 1..)).unwrap_or(TEMPLATE);
    let (head, tables) = body.find("\n[").map_or((body, ""), |at| body.split_at(at + 1));
    // The build looks at the settings that wrangler is about to deploy.
    let name = output.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let tables = tables.replacen(
        "\"scripts/build.sh wrangler.toml\"",
        &quoted(&format!("scripts/build.sh {name}")),
        1,
    );
    let text = format!(
        "# The settings of a Postern deployment. They contain no secrets; store them with your other configuration.\n\
         # docs/reference/configuration.md has every setting, docs/reference/routes.md the routes. Check before you deploy: postern config check {name}\n\
         {head}\n\
         # Its address: a custom domain, which wrangler creates.\n[[routes]]\npattern = {}\ncustom_domain = true\n\n\
         [vars]\nPOSTERN_ISSUER = {}\nPOSTERN_AUDIENCE = {}\n\n\
         # The routes. The first route that matches a request decides.\n#\n\
         # [[vars.POSTERN_ROUTES]]\n# path = \"/api/{{*rest}}\"\n# scopes_all = [\"read:orders\"]\n\
         # upstream = \"https://origin.example.com\"\n\n\
         # ---- Every deployment needs what follows. Fill in the two ids that wrangler prints.\n\n{tables}",
        quoted(host),
        quoted(issuer),
        quoted(audience),
    );
    match text.parse::<toml::Table>() {
        Ok(_) => Ok(text),
        Err(error) => Err(Failure::refused(format!("the file would not be valid TOML: {}", error.message()))),
    }
}

fn master_key() -> Result<Report, Failure> {
    if io::stdout().is_terminal() {
        return Err(Failure::usage(
            "a master key on a terminal stays in its scroll-back. Store it in a variable, save a copy with your secrets, \
             and pass it on:\n  export POSTERN_MASTER_KEY=$(postern init master-key)\n  \
             printf %s \"$POSTERN_MASTER_KEY\" | npx wrangler secret put POSTERN_MASTER_KEY",
        ));
    }
    let key = fresh_master_key()?;
    Ok(Report::lines(json!({ "master_key": key }), [key]))
}

fn admin(login: &str, context: &Context) -> Result<Report, Failure> {
    let secret = env::var("POSTERN_MASTER_KEY").map_err(|_| {
        Failure::usage("POSTERN_MASTER_KEY is not set. Set it to the deployment's master key: password hashes depend on it")
    })?;
    let settings =
        [("POSTERN_ISSUER", Value::from("https://postern.invalid")), ("POSTERN_MASTER_KEY", secret.into())];
    let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let unusable =
        |_| Failure::usage("POSTERN_MASTER_KEY is not a valid master key (docs/reference/configuration.md)");
    let isolate = Config::from_vars(&settings).and_then(Isolate::new).map_err(unusable)?;
    let login =
        Login::parse(login, &UnicodeTables).map_err(|error| Failure::usage(format!("the login {error}")))?;
    let text = password("Password of the administrator: ")?;
    let password = Password::choose(&text, &UnicodeTables)
        .map_err(|error| Failure::usage(format!("the password {error}")))?;
    let cost = isolate.config.password;
    let parameters = HashParameters::new(cost.memory_kib, cost.iterations, cost.parallelism)
        .ok_or_else(|| Failure::usage("the default cost of password hashes is not allowed"))?;
    let hash = PasswordHash::make(&password, parameters, isolate.masters.current(), &System)
        .map_err(|fault| Failure::unavailable(fault.cause))?;
    let account = AccountId::from_bytes(random()?);
    let sql = format!(
        "INSERT INTO users (account_id, login, password_hash, scopes, created_at) VALUES ({}, {}, {}, {}, {});",
        literal(&account.to_string()),
        literal(login.as_str()),
        literal(hash.as_str()),
        literal(&json!([SCOPE]).to_string()),
        context.now().millis(),
    );
    Ok(Report::lines(json!({ "sub": account, "login": login.as_str(), "sql": sql }), [sql]))
}

/// A text as SQL writes it.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_cannot_end_the_statement() {
        assert_eq!(literal("o'brien'); DROP TABLE users; --"), "'o''brien''); DROP TABLE users; --'");
    }

    #[test]
    fn the_template_is_the_repositorys_own_file() {
        let theirs = include_str!("../../../../wrangler.toml");
        assert_eq!(TEMPLATE, theirs, "cp wrangler.toml crates/cli/src/template.toml");
    }

    #[test]
    fn a_new_file_is_toml_with_its_own_settings_and_build() {
        let text =
            settings_file(Path::new("sub/x.toml"), "a.example", "https://a.example", "https://b.example");
        let table: toml::Table = text.unwrap().parse().unwrap();
        assert_eq!(table["vars"]["POSTERN_AUDIENCE"].as_str(), Some("https://b.example"));
        assert_eq!(table["build"]["command"].as_str(), Some("scripts/build.sh x.toml"));
        assert_eq!(table["routes"][0]["pattern"].as_str(), Some("a.example"));
        for name in ["name", "main", "kv_namespaces", "d1_databases", "durable_objects", "migrations"] {
            assert!(table.contains_key(name), "{name}");
        }
    }

    #[test]
    fn master_keys_differ_and_are_long_enough() {
        let (one, two) = (fresh_master_key().unwrap(), fresh_master_key().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), 43);
    }
}
