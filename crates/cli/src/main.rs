//! `postern`: the operator's program (docs/reference/admin-api.md).
//!
//! Each group of subcommands is a file or a folder in [`commands`]: a clap type, and a `run` that takes the [`Context`]
//! and answers with a [`report::Report`] or a [`failure::Failure`]. Only [`Context::finish`] prints the outcome.
//!
//! | to find | read |
//! |---|---|
//! | HTTP to the deployment, and what its errors mean for the operator | [`http`] |
//! | the sign-in that is kept, and the access token of a command | [`session_file`], [`auth`] |
//! | `wrangler.toml` and `.dev.vars` | [`settings`] |
//! | arguments and look-ups that several commands share | [`args`], [`named_user`], [`issuer_keys`] |
//! | files, questions on the terminal | [`files`], [`prompt`] |
//! | what the system gives | [`host`] |
#![cfg_attr(
    target_family = "wasm",
    expect(dead_code, reason = "what the other commands share; the linker leaves it out")
)]

#[cfg(not(target_family = "wasm"))]
mod args;
mod auth;
mod commands;
mod context;
mod failure;
mod files;
mod host;
mod http;
mod issuer_keys;
mod named_user;
#[cfg(not(target_family = "wasm"))]
mod prompt;
mod report;
#[cfg(not(target_family = "wasm"))]
mod session_file;
mod settings;
#[cfg(target_family = "wasm")]
mod wasm;

use clap::{CommandFactory as _, Parser, Subcommand};
#[cfg(not(target_family = "wasm"))]
use commands::{audit, clients, cost, init, keys, login, revoke, sessions, throttle, users};
use commands::{config, doctor, routes, tail, tokens};
use context::Context;

/// The operator's program of Postern.
#[derive(Debug, Parser)]
#[command(name = "postern", version, propagate_version = true, arg_required_else_help = true, after_help = AFTER_HELP)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Environment:
  POSTERN_URL    the deployment, for example https://auth.example.com
  POSTERN_TOKEN  an access token with the scope postern:admin, instead of a sign-in with `postern login`
                 (not an argument: every user of the machine can see those)
  POSTERN_ADMIN_PATH    the path of the administrators' API, if it is not /admin
  POSTERN_SESSION_FILE  the file in which `postern login` keeps the sign-in, instead of the system's state folder

Exit codes:
  0  done
  1  refused, or a check found something wrong
  2  the command line is not valid
  3  the deployment could not be reached, or failed: try again
  4  not signed in, or not allowed";

/// What every command takes.
#[derive(Debug, clap::Args)]
struct Global {
    /// The deployment, for example <https://auth.example.com>
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// The path of the administrators' API [default: /admin]
    #[arg(long, global = true, value_name = "PATH")]
    admin_path: Option<String>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Audit log of administrators' actions: verify, export
    #[cfg(not(target_family = "wasm"))]
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Settings files: check before deployment
    #[command(subcommand)]
    Config(config::Settings),
    /// Set up a deployment: settings, master key, first administrator
    #[cfg(not(target_family = "wasm"))]
    #[command(subcommand)]
    Init(init::Init),
    /// Sign in as an administrator, and keep the sign-in for later commands
    #[cfg(not(target_family = "wasm"))]
    Login {
        /// The login; without it, the command asks for it. The command always asks for the password
        #[arg(long)]
        login: Option<String>,
    },
    /// End the sign-in that `postern login` keeps
    #[cfg(not(target_family = "wasm"))]
    Logout,
    /// Check a deployment from outside: report problems and how to fix them
    Doctor(doctor::Doctor),
    /// Access tokens: inspect
    #[command(subcommand)]
    Token(tokens::Tokens),
    /// Rate limits and lockouts of an account or an address: show, clear
    #[cfg(not(target_family = "wasm"))]
    #[command(subcommand)]
    Throttle(throttle::Throttle),
    /// Users: list, show, add, import, grant, ungrant, set-grants, disable, enable, unlock, erase
    #[cfg(not(target_family = "wasm"))]
    #[command(subcommand)]
    User(users::Users),
    /// Clients of the authorization server: list, show, add, rotate-secret, end-secret, disable, enable, delete
    #[cfg(not(target_family = "wasm"))]
    #[command(subcommand)]
    Client(clients::Clients),
    /// Route tables: check, explain
    #[command(subcommand)]
    Routes(routes::Routes),
    /// What the deployment's own counters cost a month, and which limit comes first
    #[cfg(not(target_family = "wasm"))]
    Cost(cost::Cost),
    /// Signing keys: list, rotate, revoke
    #[cfg(not(target_family = "wasm"))]
    #[command(subcommand)]
    Key(keys::Keys),
    /// Sessions of a user: list, revoke
    #[cfg(not(target_family = "wasm"))]
    #[command(subcommand)]
    Session(sessions::Sessions),
    /// Revoke a session, a subject, an access token, a client or a signing key, also of another issuer
    #[cfg(not(target_family = "wasm"))]
    #[command(subcommand)]
    Revoke(revoke::Revoke),
    /// Print the log's events as they happen, one line each
    ///
    /// Starts `npx wrangler tail --format json`, or reads its output, or that of `make dev`, from a pipe.
    Tail(tail::Tail),
    /// Write the manual pages into a folder
    #[cfg(not(target_family = "wasm"))]
    #[command(hide = true)]
    Manual {
        /// A folder that is there
        folder: std::path::PathBuf,
    },
    /// Print a completion script for your shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[cfg(not(target_family = "wasm"))]
fn main() -> std::process::ExitCode {
    // What clap refuses ends here with 2, help and version with 0.
    execute(Arguments::parse()).into()
}

/// The module does nothing by itself.
#[cfg(target_family = "wasm")]
fn main() {}

/// Runs the command that the words after the program's name are. The exit code.
#[cfg(target_family = "wasm")]
fn run_words(words: Vec<String>) -> u8 {
    match Arguments::try_parse_from(core::iter::once("postern".to_owned()).chain(words)) {
        Ok(arguments) => execute(arguments),
        Err(refused) => {
            let text = refused.render().to_string();
            if refused.use_stderr() {
                host::write_error(&text);
            } else {
                let _ = context::print(text.as_bytes());
            }
            u8::try_from(refused.exit_code()).unwrap_or(2)
        }
    }
}

fn execute(arguments: Arguments) -> u8 {
    let Arguments { global, command } = arguments;
    let context = Context::new(global.url, global.admin_path, global.json);
    if let Command::Completions { shell } = command {
        // Into memory first: the generator panics on a pipe that is closed.
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "postern", &mut script);
        return context::print(&script).map_or_else(|failure| context.finish(Err(failure)), |_| 0);
    }
    context.finish(outcome(&command, &context))
}

#[cfg(target_family = "wasm")]
fn outcome(command: &Command, context: &Context) -> Result<report::Report, failure::Failure> {
    run(command, context)
}

#[cfg(not(target_family = "wasm"))]
fn outcome(command: &Command, context: &Context) -> Result<report::Report, failure::Failure> {
    let outcome = run(command, context);
    let refused = |failure: &failure::Failure| failure.code.as_deref() == Some("invalid_token");
    // Refused before anything was done. What was read from standard input cannot be read twice.
    if outcome.as_ref().is_err_and(refused)
        && context.public().is_ok_and(|client| auth::outdate(&client))
        && !matches!(command, Command::User(users::Users::Add { .. } | users::Users::Import(_)))
    {
        return run(command, context);
    }
    outcome
}

fn run(command: &Command, context: &Context) -> Result<report::Report, failure::Failure> {
    match command {
        #[cfg(not(target_family = "wasm"))]
        Command::Audit(audit) => audit.run(context),
        Command::Config(settings) => settings.run(),
        #[cfg(not(target_family = "wasm"))]
        Command::Init(init) => init.run(context),
        #[cfg(not(target_family = "wasm"))]
        Command::Login { login } => login::login(context, login.clone()),
        #[cfg(not(target_family = "wasm"))]
        Command::Logout => login::logout(context),
        Command::Doctor(asked) => doctor::run(asked, context),
        Command::Token(tokens) => tokens.run(context),
        #[cfg(not(target_family = "wasm"))]
        Command::Throttle(throttle) => throttle.run(context),
        #[cfg(not(target_family = "wasm"))]
        Command::User(users) => users.run(context),
        #[cfg(not(target_family = "wasm"))]
        Command::Client(clients) => clients.run(context),
        Command::Routes(routes) => routes.run(context),
        #[cfg(not(target_family = "wasm"))]
        Command::Cost(asked) => cost::run(asked, context),
        #[cfg(not(target_family = "wasm"))]
        Command::Key(keys) => keys.run(context),
        #[cfg(not(target_family = "wasm"))]
        Command::Session(sessions) => sessions.run(context),
        #[cfg(not(target_family = "wasm"))]
        Command::Revoke(revoke) => revoke.run(context),
        Command::Tail(asked) => tail::run(asked, context),
        #[cfg(not(target_family = "wasm"))]
        Command::Manual { folder } => manual(folder),
        Command::Completions { .. } => {
            Err(failure::Failure::usage("`completions` does not contact a deployment"))
        }
    }
}

/// A page for the program and one for each of its commands: postern.1, postern-user-list.1.
#[cfg(not(target_family = "wasm"))]
fn manual(folder: &std::path::Path) -> Result<report::Report, failure::Failure> {
    clap_mangen::generate_to(Arguments::command(), folder).map_err(|error| files::failed(folder, &error))?;
    let value = serde_json::json!({ "folder": folder });
    Ok(report::Report::lines(value, [format!("wrote the manual pages into {}", folder.display())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_argument_takes_a_token_or_a_password() {
        fn names(command: &clap::Command, into: &mut Vec<String>) {
            into.extend(command.get_arguments().map(|argument| argument.get_id().to_string()));
            command.get_subcommands().for_each(|command| names(command, into));
        }
        let mut all = Vec::new();
        names(&Arguments::command(), &mut all);
        for secret in ["token", "password", "secret", "key"] {
            assert!(
                !all.iter().any(|name| name == secret),
                "{secret} would be seen by every user of the machine"
            );
        }
    }
}
