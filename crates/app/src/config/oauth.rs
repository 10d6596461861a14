//! `POSTERN_OAUTH`: where the authorization server finds clients, besides `POSTERN_CLIENTS`.

use super::reader::Node;

/// Where the authorization server finds clients, besides the settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OauthSettings {
    /// Whether clients are also in D1, where administrators add them.
    pub stored_clients: bool,
}

pub(super) fn read(node: &Node<'_>) -> Option<OauthSettings> {
    let fields = node.object(&["stored_clients"])?;
    Some(OauthSettings { stored_clients: fields.or("stored_clients", false, Node::flag) })
}
