//! Which events are shown.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::names::{EVENTS, PARTS};
use crate::failure::Failure;

/// An event must satisfy each option that is given; an option that is repeated is satisfied by any of its values.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Filter {
    /// Events of this name, for example `reuse_detected`; can be repeated
    #[arg(long = "event", value_name = "NAME", value_parser = EVENTS, hide_possible_values = true)]
    pub(super) events: Vec<String>,
    /// Events that ended so: success, refused, alert, fault; can be repeated
    #[arg(long = "outcome", value_name = "OUTCOME", value_parser = ["success", "refused", "alert", "fault"])]
    pub(super) outcomes: Vec<String>,
    /// Events of a user: an id, or a pseudonym of the log's `login`. A login is looked up, which needs a sign-in
    #[arg(long, value_name = "USER")]
    pub(super) user: Option<String>,
    /// Events of one session
    #[arg(long, value_name = "ID")]
    pub(super) session: Option<String>,
    /// Events of one route
    #[arg(long, value_name = "NAME")]
    pub(super) route: Option<String>,
    /// Events of an address or a network: 192.0.2.7, 192.0.2.0/24
    #[arg(long, value_name = "ADDRESS", value_parser = network)]
    pub(super) ip: Option<Network>,
    /// Events of one request, by the `request_id` of a problem
    #[arg(long, value_name = "ID")]
    pub(super) request: Option<String>,
    /// Faults of this component, for example `database`
    #[arg(long, value_name = "NAME", value_parser = PARTS, hide_possible_values = true)]
    pub(super) part: Option<String>,
}

/// The characters of a login's pseudonym in the log, and of a user's id.
const PSEUDONYM_CHARS: usize = 12;
const ID_CHARS: usize = 22;

impl Filter {
    /// Looks a login up, as the log has none.
    pub(super) fn name_user(
        &mut self,
        id_of: impl FnOnce(&str) -> Result<String, Failure>,
    ) -> Result<(), Failure> {
        let Some(user) = &self.user else { return Ok(()) };
        let of_the_log = [PSEUDONYM_CHARS, ID_CHARS].contains(&user.len())
            && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !of_the_log {
            self.user = Some(id_of(user)?);
        }
        Ok(())
    }

    /// Whether the event is shown.
    pub(super) fn takes(&self, members: &Map<String, Value>) -> bool {
        let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
        let any = |wanted: &[String], name: &str| {
            wanted.is_empty() || wanted.iter().any(|wanted| wanted == text(name))
        };
        let one = |wanted: Option<&String>, names: &[&str]| {
            wanted.is_none_or(|wanted| names.iter().any(|name| wanted == text(name)))
        };
        any(&self.events, "event")
            && any(&self.outcomes, "outcome")
            && one(self.user.as_ref(), &["account", "login", "who", "target"])
            && one(self.session.as_ref(), &["session_id"])
            && one(self.route.as_ref(), &["route"])
            && one(self.request.as_ref(), &["request_id"])
            && one(self.part.as_ref(), &["part"])
            && self.ip.as_ref().is_none_or(|network| network.has(text("ip")))
    }
}

/// An address, or a network in CIDR notation (RFC 4632, RFC 4291).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    /// How many leading bits decide.
    bits: u32,
}

pub(super) fn network(text: &str) -> Result<Network, String> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let wrong = || "must be an address or a network, such as 192.0.2.7 or 2001:db8::/48".to_owned();
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
    if bits > most { Err(wrong()) } else { Ok(Network { address, bits }) }
}

impl Network {
    fn has(&self, text: &str) -> bool {
        let Ok(other) = text.parse::<IpAddr>() else { return false };
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.checked_shr(32 - self.bits).unwrap_or_default() == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.checked_shr(128 - self.bits).unwrap_or_default() == 0
            }
            _ => false,
        }
    }
}
