//! Whose call it is, as far as an address tells: the address (a /32 or a /64) and the network
//! around it (a /24 or a /48).
//!
//! One object holds a network and all addresses in it, so one hop judges both.

use core::net::{IpAddr, Ipv4Addr};

/// Where the limits of an address stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The object: the network in CIDR form (RFC 4632, RFC 4291 section 2.3).
    pub network: String,
    /// The row of the address in it: what its last part is. An IPv6 site gets a /64 at least,
    /// so a /64 counts as one address.
    pub address: String,
}

/// The row of the network itself, which no address has.
pub const NETWORK_ROW: &str = "*";

impl Origin {
    /// Of an address as the platform gives it. What is none, or absent, shares one place: the
    /// platform always gives one, and who gets around it must not get around the limits.
    pub fn of(address: Option<&str>) -> Self {
        let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let address = address.and_then(|text| text.parse().ok()).unwrap_or(unspecified);
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                Self { network: format!("{}/24", Ipv4Addr::new(a, b, c, 0)), address: d.to_string() }
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self { network: format!("{a:x}:{b:x}:{c:x}::/48"), address: format!("{d:x}") }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> (String, String) {
        let origin = Origin::of(Some(address));
        (origin.network, origin.address)
    }

    fn pair(network: &str, address: &str) -> (String, String) {
        (network.to_owned(), address.to_owned())
    }

    #[test]
    fn an_address_is_its_32_or_64_in_its_24_or_48() {
        assert_eq!(of("192.0.2.7"), pair("192.0.2.0/24", "7"));
        assert_eq!(of("::ffff:192.0.2.7"), pair("192.0.2.0/24", "7"));
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), pair("2001:db8:1::/48", "2"));
        assert_eq!(of("2001:db8:1:2:ffff::1"), of("2001:db8:1:2::1"), "a host cannot walk through its /64");
        assert_ne!(of("2001:db8:1:3::1"), of("2001:db8:1:2::1"));
    }

    #[test]
    fn no_address_is_no_way_around() {
        let shared = Origin::of(None);
        assert_eq!((Origin::of(Some("")), Origin::of(Some("nonsense"))), (shared.clone(), shared));
    }
}
