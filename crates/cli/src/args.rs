//! What a user may do, as flags of the command line.

use serde_json::{Value, json};

use crate::failure::Failure;

/// What a user may do.
#[derive(Debug, clap::Args)]
pub(crate) struct Grants {
    /// A scope; can be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// A role; can be repeated
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    /// The tenant
    #[arg(long)]
    pub(crate) tenant: Option<String>,
}

impl Grants {
    /// What is to be added or taken away, of which there must be something.
    pub(crate) fn named(&self, word: &str) -> Result<Value, Failure> {
        if self.scopes.is_empty() && self.roles.is_empty() && self.tenant.is_none() {
            return Err(Failure::usage("nothing to change is given. Pass --scope, --role or --tenant"));
        }
        Ok(json!({ word: self.body() }))
    }

    /// As the administrators' API takes them.
    pub(crate) fn body(&self) -> Value {
        json!({ "scopes": self.scopes, "roles": self.roles, "tenant_id": self.tenant })
    }
}
