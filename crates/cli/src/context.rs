//! What every command has: where the deployment is, who is asking, how to answer.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use postern_app::time::Timestamp;

use crate::{auth, failure::Failure, http::Client, report::Report};

/// The settings of this run.
#[derive(Debug)]
pub(crate) struct Context {
    url: Option<String>,
    admin_path: String,
    json: bool,
}

impl Context {
    pub(crate) fn new(url: Option<String>, admin_path: String, json: bool) -> Self {
        // An empty POSTERN_URL is none.
        let url = url.filter(|url| !url.is_empty());
        Self { url, admin_path, json }
    }

    /// Whether a deployment was named.
    pub(crate) const fn has_url(&self) -> bool {
        self.url.is_some()
    }

    /// Whether a person watches: progress bars are for people.
    pub(crate) fn watched(&self) -> bool {
        !self.json && io::stderr().is_terminal()
    }

    /// The machine's clock.
    #[expect(clippy::disallowed_methods, clippy::unused_self, reason = "the program's one clock")]
    pub(crate) fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// The deployment, without a token: for what is public.
    pub(crate) fn public(&self) -> Result<Client, Failure> {
        let url = self.url.as_deref().ok_or_else(|| {
            Failure::usage("no deployment is given. Set POSTERN_URL, or pass --url https://auth.example.com")
        })?;
        Client::new(url, &self.admin_path)
    }

    /// The deployment, with the administrator's token.
    pub(crate) fn admin(&self) -> Result<Client, Failure> {
        let client = self.public()?;
        let token = auth::access_token(&client, self.now())?;
        Ok(client.with_token(&token))
    }

    /// Prints the outcome; the exit code that goes with it.
    pub(crate) fn finish(&self, outcome: Result<Report, Failure>) -> ExitCode {
        let failure = match outcome {
            Ok(report) => {
                let text = if self.json { report.to_json() } else { report.to_text(self.now()) };
                match print(text.as_bytes()) {
                    Ok(()) => return report.exit_code(),
                    Err(failure) => failure,
                }
            }
            Err(failure) => failure,
        };
        let text = if self.json { failure.to_json() } else { failure.to_text() };
        // There is no other place to say that this one cannot be written to.
        let _ = io::stderr().write_all(text.as_bytes());
        failure.exit_code()
    }
}

/// Writes to standard output, the only place in the program that does. The reader may close the
/// pipe (`| head -1`): that is an end and no failure. A full disk is a failure.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::refused(format!("the output could not be written: {error}")))
        }
        _ => Ok(()),
    }
}
