//! `POSTERN_OAUTH.registration`: clients that register themselves (RFC 7591).

use core::time::Duration;

use super::{reader::Node, types::RefreshSettings};

const DAY: Duration = Duration::from_hours(24);

/// The default of `lifetime`: three times as long as a grant lives by default.
const LIFETIME: Duration = Duration::from_hours(90 * 24);

/// How clients may register themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientRegistrationSettings {
    /// Whether they may.
    pub is_on: bool,
    /// How long a client is kept after its last use, at least a day longer than its grants live.
    pub lifetime: Duration,
}

impl Default for ClientRegistrationSettings {
    fn default() -> Self {
        Self { is_on: false, lifetime: LIFETIME }
    }
}

/// `false`, `true`, or an object.
pub(super) fn read(node: &Node<'_>, refresh: &RefreshSettings) -> Option<ClientRegistrationSettings> {
    let defaults = ClientRegistrationSettings::default();
    let longest = refresh.absolute_lifetime.saturating_add(DAY);
    let settings = if node.is_object() {
        let fields = node.object(&["lifetime"])?;
        let limits = DAY.as_secs()..=2 * 366 * DAY.as_secs();
        // A use is noted once a day. A client that is forgotten before its grants would be told that it is unknown.
        let lifetime = fields.or("lifetime", defaults.lifetime.max(longest), |node| node.seconds(limits));
        if lifetime < longest {
            let least = longest.as_secs();
            fields.wrong(
                "lifetime",
                format!("must be at least {least}: a day longer than `absolute_lifetime` of POSTERN_REFRESH"),
            );
        }
        ClientRegistrationSettings { is_on: true, lifetime }
    } else {
        ClientRegistrationSettings { is_on: node.flag()?, lifetime: defaults.lifetime.max(longest) }
    };
    Some(settings)
}
