//! Where a refresh came from, and how far that is from the last time.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::Agent;

/// A `User-Agent` is cut to this many characters: real ones have 70 to 200, and the record of a
/// family must stay small.
const USER_AGENT_MAX_CHARS: usize = 256;

/// Where a request came from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Context {
    /// The client's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// Two letters (ISO 3166-1), in upper case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The `User-Agent`, cut to 256 characters, empty when absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_agent: String,
}

impl Context {
    /// From what the platform tells of a request. What cannot be read is left out: context is
    /// a soft signal and never a cause to fail.
    pub fn new(ip: Option<&str>, country: Option<&str>, user_agent: &str) -> Self {
        Self {
            ip: ip.and_then(|ip| ip.parse::<IpAddr>().ok()).map(|ip| ip.to_canonical()),
            country: country
                .filter(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()))
                .map(str::to_ascii_uppercase),
            user_agent: user_agent.chars().take(USER_AGENT_MAX_CHARS).collect(),
        }
    }

    /// Which kind of program it is. Classified anew each time rather than stored, so that a
    /// better classification later is no change of device.
    pub(crate) fn agent(&self) -> Agent {
        Agent::of(&self.user_agent)
    }

    /// The network of the address.
    pub(crate) fn network(&self) -> Option<Network> {
        self.ip.map(Network::of)
    }

    /// How far this is from `last`.
    pub(crate) fn drift_from(&self, last: &Self) -> Drift {
        let (agent, last_agent) = (self.agent(), last.agent());
        let mut reasons = Vec::new();
        let mut note = |changed: bool, reason| {
            if changed {
                reasons.push(reason);
            }
        };
        note(agent.platform != last_agent.platform, DriftReason::Platform);
        note(agent.product != last_agent.product, DriftReason::Product);
        note(differ(self.country.as_ref(), last.country.as_ref()), DriftReason::Country);
        note(differ(self.network(), last.network()), DriftReason::Network);
        let score = reasons.iter().map(|reason| reason.weight()).sum::<u8>().min(100);
        Drift { score, reasons }
    }
}

/// Two known values that are not the same. What is unknown is no evidence.
fn differ<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one != other)
}

/// The network an address belongs to: its /24 (IPv4) or /48 (IPv6), which is what one site
/// usually gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// The first three bytes.
    V4([u8; 3]),
    /// The first three groups.
    V6([u16; 3]),
}

impl Network {
    /// The network of an address; an IPv4 address inside an IPv6 one counts as IPv4.
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = Ipv4Addr::octets(&ip);
                Self::V4([a, b, c])
            }
            IpAddr::V6(ip) => {
                let [a, b, c, ..] = Ipv6Addr::segments(&ip);
                Self::V6([a, b, c])
            }
        }
    }
}

/// How far one context is from another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Drift {
    /// 0 (nothing changed) to 100.
    pub score: u8,
    /// What changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<DriftReason>,
}

/// One thing that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftReason {
    /// The operating system.
    Platform,
    /// The browser or the client's program.
    Product,
    /// The country.
    Country,
    /// The /24 or /48.
    Network,
}

impl DriftReason {
    /// The points that it adds to the score. A phone that leaves its WLAN changes its network (10), and a traveller changes
    /// the country besides (45). The program and the platform change only when a refresh token was carried to another
    /// device (70 together). All sum to 115.
    const fn weight(self) -> u8 {
        match self {
            Self::Platform => 40,
            Self::Product => 30,
            Self::Country => 35,
            Self::Network => 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: &str = "Acme/7.1 (Android 14)";

    fn at(ip: &str, country: &str, user_agent: &str) -> Context {
        Context::new(Some(ip), Some(country), user_agent)
    }

    #[test]
    fn the_same_place_has_no_drift() {
        let home = at("192.0.2.7", "CH", PHONE);
        assert_eq!(home.drift_from(&home), Drift::default());
        assert_eq!(at("192.0.2.200", "ch", "Acme/8 (Android 15)").drift_from(&home), Drift::default());
    }

    #[test]
    fn leaving_the_wlan_is_little_and_another_device_abroad_is_all() {
        let home = at("192.0.2.7", "CH", PHONE);
        let mobile = at("2001:db8:1::7", "CH", PHONE).drift_from(&home);
        assert_eq!(mobile.score, 10);
        assert_eq!(mobile.reasons, [DriftReason::Network]);
        assert_eq!(at("198.51.100.1", "KP", "curl/8.5.0").drift_from(&home).score, 100);
    }

    #[test]
    fn what_is_unknown_is_no_evidence() {
        let home = at("192.0.2.7", "CH", PHONE);
        assert_eq!(Context::new(None, None, PHONE).drift_from(&home), Drift::default());
        assert_eq!(Context::new(Some("nonsense"), Some("Switzerland"), PHONE).ip, None);
    }

    #[test]
    fn an_address_and_its_ipv6_form_are_one_network() {
        let mapped = at("::ffff:192.0.2.9", "CH", PHONE);
        assert_eq!(mapped.network(), Some(Network::V4([192, 0, 2])));
        assert_eq!(at("2001:db8:1:2::1", "CH", PHONE).network(), Some(Network::V6([0x2001, 0xdb8, 1])));
    }

    #[test]
    fn a_hostile_user_agent_is_cut() {
        let context = Context::new(None, None, &"é".repeat(10_000));
        assert_eq!(context.user_agent.chars().count(), USER_AGENT_MAX_CHARS);
    }
}
