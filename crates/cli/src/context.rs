//! What every command has: where the deployment is, who is asking, how to answer.

use std::io;

use postern_app::time::Timestamp;

use crate::{auth, failure::Failure, host, http::Client, report::Report};

/// The settings of this run.
#[derive(Debug)]
pub(crate) struct Context {
    url: Option<String>,
    admin_path: String,
    json: bool,
}

impl Context {
    pub(crate) fn new(url: Option<String>, admin_path: Option<String>, json: bool) -> Self {
        // An empty variable is none.
        let variable = |name| host::variable(name).filter(|text| !text.is_empty());
        let url = url.or_else(|| variable("POSTERN_URL"));
        let admin_path =
            admin_path.or_else(|| variable("POSTERN_ADMIN_PATH")).unwrap_or_else(|| "/admin".to_owned());
        Self { url, admin_path, json }
    }

    /// Whether a deployment was named.
    pub(crate) const fn has_url(&self) -> bool {
        self.url.is_some()
    }

    /// Whether programs read the output.
    pub(crate) const fn json(&self) -> bool {
        self.json
    }

    /// Whether a person watches: progress bars are for people.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn watched(&self) -> bool {
        !self.json && io::IsTerminal::is_terminal(&io::stderr())
    }

    /// The machine's clock.
    #[expect(clippy::unused_self, reason = "commands take the time from their context alone")]
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(host::now_millis())
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
    pub(crate) fn finish(&self, outcome: Result<Report, Failure>) -> u8 {
        let failure = match outcome {
            Ok(report) => {
                let text = if self.json { report.to_json() } else { report.to_text(self.now()) };
                match print(text.as_bytes()) {
                    Ok(_) => return report.exit_code(),
                    Err(failure) => failure,
                }
            }
            Err(failure) => failure,
        };
        let text = if self.json { failure.to_json() } else { failure.to_text() };
        host::write_error(&text);
        failure.exit_code()
    }
}

/// Writes to standard output, the only place in the program that does. Whether there is a reader: it may close the pipe
/// (`| head -1`), which is an end and no failure. A full disk is a failure.
pub(crate) fn print(bytes: &[u8]) -> Result<bool, Failure> {
    match host::write_output(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::refused(format!("the output could not be written: {error}"))),
    }
}
