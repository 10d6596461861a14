//! The settings of a deployment: `wrangler.toml` and `.dev.vars`, read as wrangler reads them.

pub(crate) mod bindings;
mod dotenv;
mod file;
mod lines;
pub(crate) mod public_suffixes;

pub(crate) use self::{
    file::{Deployed, STAND_IN_KEY, SettingsFile, Variables, default_file},
    lines::Lines,
};
