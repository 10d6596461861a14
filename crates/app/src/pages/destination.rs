//! Where a sign-in leads, if it was not for a client: to a page of this host that is in the table of endpoints.

use crate::{
    config::Config,
    web::{
        endpoint_match::{Found, find},
        endpoints::{Call, page_paths::APPLICATIONS},
        paths::admin_path,
    },
};

/// The name of the page of applications, as a destination.
const TO_APPLICATIONS: &str = "applications";

/// The longest address of a page of the dashboard that is kept, in bytes.
const MAX_BYTES: usize = 2048;

/// The page that a sign-in leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The page with the applications that have access.
    Applications,
    /// A page of the dashboard: its path and query.
    Dashboard(String),
}

impl Destination {
    /// Reads a destination. A text that names no page of this deployment is none, so it leads nowhere else: the path of an
    /// address is looked up in the table of endpoints, below the prefix of the administrators' API.
    pub(crate) fn parse(config: &Config, text: &str) -> Option<Self> {
        if text == TO_APPLICATIONS {
            return Some(Self::Applications);
        }
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\');
        if !config.has_dashboard() || text.len() > MAX_BYTES || !text.bytes().all(plain) {
            return None;
        }
        let path = text.split('?').next()?;
        match find("GET", admin_path(&config.admin, path)?, true).found {
            Found::Endpoint(endpoint, _) if matches!(endpoint.call, Call::Dashboard(_)) => {
                Some(Self::Dashboard(text.to_owned()))
            }
            _ => None,
        }
    }

    /// The value of the parameter `to`, by which pages pass it on.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Applications => TO_APPLICATIONS,
            Self::Dashboard(address) => address,
        }
    }

    /// The address of the page: a path of this host.
    pub(crate) fn address(&self) -> &str {
        match self {
            Self::Applications => APPLICATIONS,
            Self::Dashboard(address) => address,
        }
    }
}
