//! What a check of `postern doctor` found.

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// As it should be.
    Good,
    /// It works, and a person should look.
    Warning,
    /// It does not work, or it is not safe.
    Wrong,
    /// It could not be seen from here.
    Skipped,
}

impl Status {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
            Self::Skipped => "skipped",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(super) check: &'static str,
    pub(super) status: Status,
    pub(super) detail: String,
    /// What to do, where something is to be done.
    pub(super) advice: String,
}

impl Finding {
    pub(super) fn new(check: &'static str, status: Status, detail: impl Into<String>, advice: &str) -> Self {
        Self { check, status, detail: detail.into(), advice: advice.to_owned() }
    }

    pub(super) fn good(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Status::Good, detail, "")
    }

    pub(super) fn warning(check: &'static str, detail: impl Into<String>, advice: &str) -> Self {
        Self::new(check, Status::Warning, detail, advice)
    }

    pub(super) fn wrong(check: &'static str, detail: impl Into<String>, advice: &str) -> Self {
        Self::new(check, Status::Wrong, detail, advice)
    }

    pub(super) fn skipped(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Status::Skipped, detail, "")
    }

    /// Good when `sound`, wrong otherwise.
    pub(super) fn either(check: &'static str, sound: bool, detail: impl Into<String>, advice: &str) -> Self {
        if sound { Self::good(check, detail) } else { Self::wrong(check, detail, advice) }
    }
}
