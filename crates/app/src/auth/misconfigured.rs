//! The answer of a Worker whose configuration has mistakes.

use crate::{
    config::ConfigError,
    http::{Problem, Reply},
};

/// The answer to every request while the configuration has mistakes. The log lists them, but the answer does not,
/// because it is public.
pub fn misconfigured(mistakes: &[ConfigError]) -> Reply {
    Problem::new(503, "misconfigured", "The configuration is not valid")
        .with_detail(format!("the configuration has {} mistakes; the log lists them", mistakes.len()))
        // A minute: the mistakes remain until the next deployment.
        .with_retry_after(60)
        .into()
}
