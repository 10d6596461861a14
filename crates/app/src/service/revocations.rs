//! What an operator revokes.

use core::time::Duration;

use super::{Ports, Service};
use crate::{
    account::Accounts as _,
    ids::FamilyId,
    observe::{Happening, Setting},
    ports::Fault,
    refresh::Revocation,
    revocation::{Added, Entry, FOREIGN_HORIZON, FeedObject as _, Kind, Rule, Target},
    time::Timestamp,
};

/// The largest leeway that configuration takes: for so long after it has expired another issuer's
/// token may pass.
const LONGEST_LEEWAY: Duration = Duration::from_mins(2);

/// What a revocation did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Revoked {
    /// The sessions of ours that were alive and are not now. Revoking again is no error, and finds
    /// none.
    pub sessions: Vec<FamilyId>,
}

/// Why a revocation did not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevocationRefused {
    /// No trusted issuer of another name: nothing of it is accepted anyway.
    UntrustedIssuer,
    /// Too many are listed already (20 000 besides sessions): try again when some have expired.
    FeedFull,
    /// A part failed. The revocation may have happened; it can be repeated.
    Fault(Fault),
}

impl From<Fault> for RevocationRefused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<P: Ports> Service<P> {
    /// Revokes `target`. When it returns, the revocation is stored for good: sessions in their
    /// Account object, which tells the feed by itself, everything else in the feed's object. The
    /// gate refuses it then as `docs/concepts/revocation.md` says.
    ///
    /// `setting` is where the order came from, for the log; account, session and client are filled
    /// in here.
    ///
    /// # Errors
    /// See [`RevocationRefused`]. May be repeated.
    pub async fn revoke_target(
        &self,
        target: &Target,
        setting: Setting,
    ) -> Result<Revoked, RevocationRefused> {
        let now = self.now();
        let by = Revocation::Operator;
        let trusted = |issuer: &str| {
            let foreign = issuer != self.isolate.config.issuer && self.isolate.issuers.contains_key(issuer);
            if foreign { Ok(()) } else { Err(RevocationRefused::UntrustedIssuer) }
        };
        // The issuer wrote `iat` by a clock of its own, and so much is granted to it elsewhere.
        let by_its_clock = |issuer: &str, not_before: Option<Timestamp>| {
            let leeway = self.isolate.issuers.get(issuer).map_or(Duration::ZERO, |it| it.policy.leeway);
            Rule::NotBefore(not_before.unwrap_or(now).plus(leeway))
        };
        let until = |expires_at: Option<Timestamp>| {
            expires_at.map_or(now.plus(FOREIGN_HORIZON), |at| at.plus(LONGEST_LEEWAY))
        };
        let mut setting = setting;
        let mut sessions = Vec::new();
        match target {
            Target::Session { account, session } => {
                setting.account = Some(*account);
                sessions = self.ports.accounts().revoke(*account, *session, by).await?;
            }
            Target::Account { account } => {
                setting.account = Some(*account);
                sessions = self.ports.accounts().revoke_all(*account, by).await?;
            }
            Target::AccessToken { issuer, jti, expires_at } => {
                // Our own name means the same as none.
                let issuer = issuer.as_deref().filter(|issuer| *issuer != self.isolate.config.issuer);
                let entry = match issuer {
                    None => Entry::access_token(jti, now),
                    Some(issuer) => {
                        trusted(issuer)?;
                        Entry::foreign(Kind::AccessToken, issuer, jti, Rule::Listed, until(*expires_at))
                    }
                };
                self.list(entry).await?;
            }
            Target::Client { client_id, not_before } => {
                setting.client_id = Some(client_id.clone());
                self.list(Entry::client(client_id, not_before.unwrap_or(now), now)).await?;
            }
            Target::Key { kid } => {
                self.list(Entry::key(kid, self.isolate.cache_policy.hard_age, now)).await?;
            }
            Target::ForeignSubject { issuer, subject, not_before, expires_at } => {
                trusted(issuer)?;
                let rule = by_its_clock(issuer, *not_before);
                let entry = Entry::foreign(Kind::Subject, issuer, subject, rule, until(*expires_at));
                self.list(entry).await?;
            }
            Target::ForeignClient { issuer, client_id, not_before, expires_at } => {
                trusted(issuer)?;
                setting.client_id = Some(client_id.clone());
                let rule = by_its_clock(issuer, *not_before);
                let entry = Entry::foreign(Kind::Client, issuer, client_id, rule, until(*expires_at));
                self.list(entry).await?;
            }
            Target::ForeignSession { issuer, session, expires_at } => {
                trusted(issuer)?;
                let until = until(*expires_at);
                self.list(Entry::foreign(Kind::Session, issuer, session, Rule::Listed, until)).await?;
            }
        }
        for session in &sessions {
            let setting = Setting { session_id: Some(*session), ..setting.clone() };
            self.record(now, Happening::SessionRevoked, setting);
        }
        self.record(now, Happening::Revoked { what: target.kind() }, setting);
        Ok(Revoked { sessions })
    }

    /// How long after its answer a revocation may still be unknown to an isolate that has requests
    /// on routes that look at the feed: KV's copy is gone by for so long, and read again so often.
    pub(super) fn feed_delay(&self) -> Duration {
        self.trusted_for() + self.isolate.config.revocation.reread
    }

    async fn list(&self, entry: Entry) -> Result<(), RevocationRefused> {
        match self.ports.feed().add(vec![entry]).await? {
            Added::Taken => {
                self.renew_feed().await;
                Ok(())
            }
            Added::Full => Err(RevocationRefused::FeedFull),
        }
    }
}
