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

mod args;
mod auth;
mod commands;
mod context;
mod failure;
mod files;
mod http;
mod issuer_keys;
mod named_user;
mod prompt;
mod report;
mod session_file;
mod settings;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use commands::{
    audit, clients, config, doctor, init, keys, login, revoke, routes, sessions, throttle, tokens, users,
};
use context::Context;

/// The operator's program of Postern.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true, after_help = AFTER_HELP)]
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
    #[arg(long, global = true, env = "POSTERN_URL", value_name = "URL", hide_env = true)]
    url: Option<String>,
    /// The path of the administrators' API
    #[arg(
        long,
        global = true,
        env = "POSTERN_ADMIN_PATH",
        value_name = "PATH",
        hide_env = true,
        default_value = "/admin"
    )]
    admin_path: String,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Audit log of administrators' actions: verify, export
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Settings files: check before deployment
    #[command(subcommand)]
    Config(config::Settings),
    /// Set up a deployment: settings, master key, first administrator
    #[command(subcommand)]
    Init(init::Init),
    /// Sign in as an administrator, and keep the sign-in for later commands
    Login {
        /// The login; without it, the command asks for it. The command always asks for the password
        #[arg(long)]
        login: Option<String>,
    },
    /// End the sign-in that `postern login` keeps
    Logout,
    /// Check a deployment from outside: report problems and how to fix them
    Doctor(doctor::Doctor),
    /// Access tokens: inspect
    #[command(subcommand)]
    Token(tokens::Tokens),
    /// Rate limits and lockouts of an account or an address: show, clear
    #[command(subcommand)]
    Throttle(throttle::Throttle),
    /// Users: list, show, add, import, grant, ungrant, set-grants, disable, enable, unlock, erase
    #[command(subcommand)]
    User(users::Users),
    /// Clients of the authorization server: list, show, add, rotate-secret, end-secret, disable, enable, delete
    #[command(subcommand)]
    Client(clients::Clients),
    /// Route tables: check, explain
    #[command(subcommand)]
    Routes(routes::Routes),
    /// Signing keys: list, rotate, revoke
    #[command(subcommand)]
    Key(keys::Keys),
    /// Sessions of a user: list, revoke
    #[command(subcommand)]
    Session(sessions::Sessions),
    /// Revoke a session, a subject, an access token, a client or a signing key, also of another issuer
    #[command(subcommand)]
    Revoke(revoke::Revoke),
    /// Print a completion script for your shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    // What clap refuses ends here with 2, help and version with 0.
    let Arguments { global, command } = Arguments::parse();
    let context = Context::new(global.url, global.admin_path, global.json);
    if let Command::Completions { shell } = command {
        // Into memory first: the generator panics on a pipe that is closed.
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "postern", &mut script);
        return context::print(&script)
            .map_or_else(|failure| context.finish(Err(failure)), |()| ExitCode::SUCCESS);
    }
    let mut outcome = run(&command, &context);
    let refused = |failure: &failure::Failure| failure.code.as_deref() == Some("invalid_token");
    // Refused before anything was done. What was read from standard input cannot be read twice.
    if outcome.as_ref().is_err_and(refused)
        && context.public().is_ok_and(|client| auth::outdate(&client))
        && !matches!(command, Command::User(users::Users::Add { .. } | users::Users::Import(_)))
    {
        outcome = run(&command, &context);
    }
    context.finish(outcome)
}

fn run(command: &Command, context: &Context) -> Result<report::Report, failure::Failure> {
    match command {
        Command::Audit(audit) => audit.run(context),
        Command::Config(settings) => settings.run(),
        Command::Init(init) => init.run(context),
        Command::Login { login } => login::login(context, login.clone()),
        Command::Logout => login::logout(context),
        Command::Doctor(asked) => doctor::run(asked, context),
        Command::Token(tokens) => tokens.run(context),
        Command::Throttle(throttle) => throttle.run(context),
        Command::User(users) => users.run(context),
        Command::Client(clients) => clients.run(context),
        Command::Routes(routes) => routes.run(context),
        Command::Key(keys) => keys.run(context),
        Command::Session(sessions) => sessions.run(context),
        Command::Revoke(revoke) => revoke.run(context),
        Command::Completions { .. } => {
            Err(failure::Failure::usage("`completions` does not contact a deployment"))
        }
    }
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
