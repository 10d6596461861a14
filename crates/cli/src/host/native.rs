//! The machine by the standard library.

use std::{
    env, fs,
    io::{self, IsTerminal as _, Read as _, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Verifies signatures.
pub(crate) use postern_app::jose::native::NativeVerifier as Verifier;
use ureq::{Agent, http};

use super::{Answer, MAX_ANSWER_BYTES, Request, TIMEOUT_SECONDS, USER_AGENT, Unanswered};

/// At most `limit` bytes of a file, as text.
pub(crate) fn read_file(path: &Path, limit: u64) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(limit).read_to_string(&mut text)?;
    Ok(text)
}

/// At most `limit` bytes of standard input, as text.
pub(crate) fn read_input(limit: u64) -> io::Result<String> {
    let mut text = String::new();
    io::stdin().take(limit).read_to_string(&mut text)?;
    Ok(text)
}

/// A stream that is read while it grows: the standard input, or the output of a program.
pub(crate) struct LogSource(Option<Child>);

/// The bytes read at once.
const PIECE: usize = 64 * 1024;

impl LogSource {
    /// The standard input.
    pub(crate) const fn input() -> Self {
        Self(None)
    }

    /// A program, whose messages reach the operator. It gets no input.
    pub(crate) fn program(name: &str, words: &[&str]) -> io::Result<Self> {
        let mut command = Command::new(name);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{name} could not be started: {error}")))?;
        Ok(Self(Some(child)))
    }

    /// What came since. Nothing at the end.
    pub(crate) fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut piece = vec![0; PIECE];
        let read = loop {
            let read = match self.0.as_mut().and_then(|child| child.stdout.as_mut()) {
                Some(output) => output.read(&mut piece),
                None => io::stdin().read(&mut piece),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        piece.truncate(read);
        Ok(piece)
    }

    /// At the end of the stream. Why the program failed, if it did.
    pub(crate) fn end(self) -> Result<(), String> {
        let Some(mut child) = self.0 else { return Ok(()) };
        match child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(status.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Whether a file is there.
pub(crate) fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Whether a person types the standard input.
pub(crate) fn input_is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// A variable of the environment, if it is text.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// Writes to standard output.
pub(crate) fn write_output(bytes: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(bytes).and_then(|()| output.flush())
}

/// Writes to standard error. A failure is dropped: there is no other place to report it.
pub(crate) fn write_error(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Milliseconds since 1970 by the machine's clock.
#[expect(clippy::disallowed_methods, reason = "the program's one clock")]
pub(crate) fn now_millis() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Connections that several requests use.
pub(crate) struct Transport(Agent);

impl Transport {
    pub(crate) fn new() -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect could carry the token to another host.
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(TIMEOUT_SECONDS)))
            .user_agent(USER_AGENT)
            .build()
            .new_agent();
        Self(agent)
    }

    pub(crate) fn send(&self, request: &Request<'_>) -> Result<Answer, Unanswered> {
        let mut building = http::Request::builder().method(request.method).uri(request.url);
        for (name, value) in request.headers {
            building = building.header(*name, value);
        }
        let invalid = |error: http::Error| Unanswered::Invalid(error.to_string());
        let unreachable = |error: ureq::Error| Unanswered::Unreachable(error.to_string());
        let answer = match &request.body {
            Some(body) => self.0.run(building.body(body.as_str()).map_err(invalid)?),
            None => self.0.run(building.body(()).map_err(invalid)?),
        };
        let (head, mut body) = answer.map_err(unreachable)?.into_parts();
        let body = body.with_config().limit(MAX_ANSWER_BYTES).read_to_vec().map_err(unreachable)?;
        let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers.iter().filter_map(text).collect(),
            body,
        })
    }
}
