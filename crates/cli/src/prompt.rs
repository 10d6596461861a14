//! Questions on the terminal.

use std::io::{self, IsTerminal as _, Write as _};

use crate::failure::Failure;

/// A secret from the terminal, unseen, or from a pipe.
pub(crate) fn password(prompt: &str) -> Result<String, Failure> {
    let read = if io::stdin().is_terminal() { rpassword::prompt_password(prompt) } else { line() };
    let text = read.map_err(|error| Failure::usage(format!("the password could not be read: {error}")))?;
    if text.is_empty() { Err(Failure::usage("the password must not be empty")) } else { Ok(text) }
}

/// A line from the terminal or from a pipe.
pub(crate) fn ask(prompt: &str) -> Result<String, Failure> {
    let wrong = |error: io::Error| Failure::usage(format!("the login could not be read: {error}"));
    let mut terminal = io::stderr();
    terminal.write_all(prompt.as_bytes()).and_then(|()| terminal.flush()).map_err(wrong)?;
    let text = line().map_err(wrong)?;
    if text.is_empty() { Err(Failure::usage("the login must not be empty")) } else { Ok(text) }
}

fn line() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().read_line(&mut text)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
