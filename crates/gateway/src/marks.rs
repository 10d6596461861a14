//! What of a verified access token can be revoked, as `postern_core::revocation` names it.

use super::Identity;
use postern_core::revocation::{Kind, RevocationKey, RevocationKeys};
use postern_jose::time::Timestamp;

impl Identity {
    /// The names that the feed is asked for; `own` when we issued the token.
    pub fn marks(&self, own: bool) -> RevocationKeys {
        let short = |kind| self.mark(kind, own).map(|mark| mark.short());
        RevocationKeys {
            session: short(Kind::Session),
            access_token: short(Kind::AccessToken),
            subject: short(Kind::Subject).unwrap_or_default(),
            client: short(Kind::Client),
            issued_at: self.issued_at,
            signed_in_at: self.signed_in_at(),
            own,
        }
    }

    /// When its subject signed in: `auth_time`, which a refresh does not renew, or `iat` where that
    /// is missing or earlier.
    pub(crate) fn signed_in_at(&self) -> Timestamp {
        self.auth_time.map_or(self.issued_at, |auth_time| auth_time.min(self.issued_at))
    }

    /// The exact mark of one thing about the token, if the token names it; `own` when we issued it.
    pub fn mark(&self, kind: Kind, own: bool) -> Option<RevocationKey> {
        let value = match kind {
            Kind::Session => self.session_id.as_deref(),
            Kind::AccessToken => self.token_id.as_deref(),
            Kind::Subject => Some(self.subject.as_str()),
            Kind::Client => self.client_id.as_deref(),
            // A verified token does not carry its header along.
            Kind::Key => None,
        };
        let issuer = if own { "" } else { self.issuer.as_str() };
        value.map(|value| RevocationKey::of(kind, issuer, value))
    }
}
