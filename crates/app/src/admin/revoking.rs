//! Revocations by administrators.

use core::time::Duration;

use crate::{
    access::revocation_cache::RevocationCache,
    account::Accounts as _,
    events::{EventContext, EventKind},
    ids::FamilyId,
    ports::Fault,
    refresh::Revocation,
    revocation::{Added, FOREIGN_HORIZON, FeedEntry, FeedObject as _, Kind, Rule, Target},
    runtime::{Runtime, events::Events, ports::Ports},
    time::Timestamp,
};

/// The largest configurable leeway, for which another issuer's token may pass after it has expired.
const LONGEST_LEEWAY: Duration = Duration::from_mins(2);

/// The result of a revocation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Revoked {
    /// The number of live sessions that it ended. Revoking again is not an error, and ends none.
    pub sessions: Vec<FamilyId>,
}

/// Why a revocation was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RevocationRefused {
    /// The issuer is not a trusted external issuer, so none of its tokens are accepted.
    UntrustedIssuer,
    /// Too many entries are listed already (20 000 besides sessions). Retry when some have expired.
    FeedFull,
    /// A component failed. The revocation may be stored, and can be repeated.
    Fault(Fault),
}

impl From<Fault> for RevocationRefused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Carries out revocations.
pub(crate) struct Revoking<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Revoking<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Revokes `target`. When it returns, the revocation is stored: of sessions in their Account object, which updates
    /// the feed, and of everything else in the feed's Durable Object. `docs/concepts/revocation.md` says when the gate
    /// refuses it.
    ///
    /// `setting` is where the order came from, for the log; account, session and client are filled
    /// in here.
    ///
    /// # Errors
    /// Returns [`RevocationRefused`]. The call can be repeated.
    pub(crate) async fn revoke_target(
        &self,
        target: &Target,
        setting: EventContext,
    ) -> Result<Revoked, RevocationRefused> {
        let now = self.0.now();
        let by = Revocation::Operator;
        let trusted = |issuer: &str| {
            let foreign =
                issuer != self.0.isolate.config.issuer && self.0.isolate.issuers.contains_key(issuer);
            if foreign { Ok(()) } else { Err(RevocationRefused::UntrustedIssuer) }
        };
        // The issuer wrote `iat` by a clock of its own, and so much is granted to it elsewhere.
        let by_its_clock = |issuer: &str, not_before: Option<Timestamp>| {
            let leeway = self.0.isolate.issuers.get(issuer).map_or(Duration::ZERO, |it| it.policy.leeway);
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
                sessions = self.0.ports.accounts().revoke(*account, *session, by).await?;
            }
            Target::Account { account } => {
                setting.account = Some(*account);
                sessions = self.0.ports.accounts().revoke_all(*account, by).await?;
            }
            Target::AccessToken { issuer, jti, expires_at } => {
                // Our own name means the same as none.
                let issuer = issuer.as_deref().filter(|issuer| *issuer != self.0.isolate.config.issuer);
                let entry = match issuer {
                    None => FeedEntry::access_token(jti, now),
                    Some(issuer) => {
                        trusted(issuer)?;
                        FeedEntry::foreign(Kind::AccessToken, issuer, jti, Rule::Listed, until(*expires_at))
                    }
                };
                self.list(entry).await?;
            }
            Target::Client { client_id, not_before } => {
                setting.client_id = Some(client_id.clone());
                self.list(FeedEntry::client(client_id, not_before.unwrap_or(now), now)).await?;
            }
            Target::Key { kid } => {
                self.list(FeedEntry::key(kid, self.0.isolate.cache_policy.hard_age, now)).await?;
            }
            Target::ForeignSubject { issuer, subject, not_before, expires_at } => {
                trusted(issuer)?;
                let rule = by_its_clock(issuer, *not_before);
                let entry = FeedEntry::foreign(Kind::Subject, issuer, subject, rule, until(*expires_at));
                self.list(entry).await?;
            }
            Target::ForeignClient { issuer, client_id, not_before, expires_at } => {
                trusted(issuer)?;
                setting.client_id = Some(client_id.clone());
                let rule = by_its_clock(issuer, *not_before);
                let entry = FeedEntry::foreign(Kind::Client, issuer, client_id, rule, until(*expires_at));
                self.list(entry).await?;
            }
            Target::ForeignSession { issuer, session, expires_at } => {
                trusted(issuer)?;
                let until = until(*expires_at);
                self.list(FeedEntry::foreign(Kind::Session, issuer, session, Rule::Listed, until)).await?;
            }
        }
        for session in &sessions {
            let setting = EventContext { session_id: Some(*session), ..setting.clone() };
            Events::of(self.0).record(now, EventKind::SessionRevoked, setting);
        }
        Events::of(self.0).record(now, EventKind::Revoked { what: target.kind() }, setting);
        Ok(Revoked { sessions })
    }

    async fn list(&self, entry: FeedEntry) -> Result<(), RevocationRefused> {
        match self.0.ports.feed().add(vec![entry]).await? {
            Added::Taken => {
                RevocationCache::of(self.0).renew_feed().await;
                Ok(())
            }
            Added::Full => Err(RevocationRefused::FeedFull),
        }
    }
}
