//! The protected resources that access tokens may be for.

use std::rc::Rc;

use postern_oauth::{client::Client, resource::Resource};

use crate::{
    config::Config,
    gate::route_loader::RouteLoader,
    gateway::Gate,
    ports::{Component, Fault},
    runtime::{Runtime, ports::Ports},
};

/// The resources of the deployment: those of the route table in force, and its audience, if that is a URL. A client's own
/// `resources` are known besides.
pub(crate) struct KnownResources<'r> {
    config: &'r Config,
    gate: Rc<Gate>,
}

impl<'r> KnownResources<'r> {
    /// By the route table in force.
    ///
    /// # Errors
    /// A [`Fault`] of KV if the table is there and was not read yet: a resource that is not known then is not unknown.
    pub(crate) async fn of<P: Ports>(runtime: &'r Runtime<P>) -> Result<Self, Fault> {
        let gate = RouteLoader::of(runtime).gate_in_force(runtime.now()).await;
        let gate = gate.ok_or_else(|| Fault::new(Component::Kv, "the route table was not read yet"))?;
        Ok(Self { config: &runtime.isolate.config, gate })
    }

    /// Whether the resource is one of them, for this client. The deployment's audience is none for a client that no operator
    /// or administrator entered.
    pub(crate) fn contains(&self, resource: &Resource, client: &Client) -> bool {
        let named = resource.as_str();
        self.gate.resources().any(|known| known.id.is_named_by(named))
            || (!client.is_open() && Resource::parse(&self.config.audience).as_ref() == Ok(resource))
    }
}
