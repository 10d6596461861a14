//! The headers of a forwarded request, in the form that `glue.js` takes.

use crate::{glue, request::Head};
use postern_app::{gateway::HeaderPlan, http::RequestView as _};

/// A header plan in the shorter of two equivalent forms.
pub(super) struct Outgoing {
    /// Names of headers, each on a line: the headers to remove, or with `only` the headers to keep.
    pub(super) names: String,
    /// Whether `names` are the headers to keep.
    pub(super) only: bool,
    /// The headers to set, in the form of [`glue::lines`].
    pub(super) set: String,
    /// The headers to set last, which no other request has, in the same form.
    pub(super) fresh: String,
}

impl Outgoing {
    /// The form that keeps headers is only for requests with ASCII headers and without a cookie that passes. Other bytes
    /// and several cookies survive only in a copy of all headers.
    pub(super) fn of(plan: &HeaderPlan, head: &Head) -> Self {
        let names = head.header_names();
        let stays =
            |name: &&String| !plan.remove.contains(name) && plan.set.iter().all(|(set, _)| set != *name);
        let staying: Vec<&str> = names.iter().filter(stays).map(String::as_str).collect();
        let only =
            staying.len() <= plan.set.len() && !staying.contains(&"cookie") && head.has_ascii_headers();
        let names = if only { staying.join("\n") } else { plan.remove.join("\n") };
        Self { names, only, set: glue::lines(&plan.set), fresh: glue::lines(&plan.fresh) }
    }
}
