//! The protected resources that access tokens may be for.

use postern_oauth::resource::Resource;

use crate::runtime::{Runtime, ports::Ports};

/// Whether a resource is one of the deployment's: its audience. A client's own `resources` are known besides.
pub(crate) fn is_known<P: Ports>(runtime: &Runtime<P>, resource: &Resource) -> bool {
    Resource::parse(&runtime.isolate.config.audience).as_ref() == Ok(resource)
}
