//! The headers of a forwarded request, in the form that `glue.js` takes.

use crate::{glue, request::Head};
use postern_app::{gateway::HeaderPlan, http::RequestView as _};

/// A plan for headers in the shorter of two forms with one meaning.
pub(super) struct Outgoing {
    /// Names, each on a line: those that go, or with `only` the only ones that stay.
    pub(super) names: String,
    /// Which of both.
    pub(super) only: bool,
    /// What is set, as [`glue::lines`].
    pub(super) set: String,
}

impl Outgoing {
    /// Naming what stays is for requests whose headers are ASCII and hold no cookie that passes:
    /// other bytes and several cookies survive a copy of the headers alone.
    pub(super) fn of(plan: &HeaderPlan, head: &Head) -> Self {
        let names = head.header_names();
        let stays =
            |name: &&String| !plan.remove.contains(name) && plan.set.iter().all(|(set, _)| set != *name);
        let staying: Vec<&str> = names.iter().filter(stays).map(String::as_str).collect();
        let only =
            staying.len() <= plan.set.len() && !staying.contains(&"cookie") && head.has_ascii_headers();
        let names = if only { staying.join("\n") } else { plan.remove.join("\n") };
        Self { names, only, set: glue::lines(&plan.set) }
    }
}
