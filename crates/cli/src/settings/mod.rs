//! The settings of a deployment: `wrangler.toml` and `.dev.vars`, read as wrangler reads them.

pub(crate) mod bindings;
mod dotenv;
mod file;
mod lines;
pub(crate) mod public_suffixes;

/// What every deployment has: bindings, objects, migrations. A copy of the repository's
/// `wrangler.toml`, so that no local edit of that file is compiled in.
pub(crate) const TEMPLATE: &str = include_str!("../template.toml");

pub(crate) use self::{
    file::{Deployed, STAND_IN_KEY, SettingsFile, Variables, default_file},
    lines::Lines,
};
