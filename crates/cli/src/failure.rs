//! Why a command did not do its work, and what to do about it.

use serde_json::{Value, json};

/// The kinds, which are the exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Refused, or something was found wrong.
    Refused = 1,
    /// The command line cannot be right.
    Usage = 2,
    /// The deployment was not reached, or could not do it.
    Unavailable = 3,
    /// Not signed in, or not entitled.
    Unauthorized = 4,
}

/// A command's failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// What went wrong and what to do, for a person.
    pub(crate) message: String,
    /// The stable code of the deployment's problem, if it answered with one.
    pub(crate) code: Option<String>,
}

impl Failure {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: None }
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(Kind::Unauthorized, message)
    }

    pub(crate) fn with_code(self, code: &str) -> Self {
        Self { code: Some(code.to_owned()), ..self }
    }

    pub(crate) fn to_text(&self) -> String {
        match &self.code {
            Some(code) => format!("postern: {} [{code}]\n", self.message),
            None => format!("postern: {}\n", self.message),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        let code = self.code.clone().map_or(Value::Null, Value::String);
        format!(
            "{}\n",
            json!({ "error": { "message": self.message, "code": code, "exit": self.kind as u8 } })
        )
    }

    pub(crate) const fn exit_code(&self) -> u8 {
        self.kind as u8
    }
}
