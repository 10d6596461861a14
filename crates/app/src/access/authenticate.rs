//! Authenticates bearer tokens. Only this module makes an identity.

use std::rc::Rc;

use crate::{
    access::{
        judging::{Accepted, PendingToken, choose},
        key_sets::KeySets,
        refused::AccessRefused,
        revocation_cache::RevocationCache,
    },
    gateway::{Identity, RevocationLevel, StaleFeed},
    isolate::token_cache::{KnownToken, Remembered},
    runtime::{Runtime, ports::Ports},
    time::Timestamp,
};

/// The end of a verification that did not wait.
pub(crate) enum Judged {
    /// The token is valid.
    Known(Rc<KnownToken>),
    /// The token, and why it is refused.
    Refused(String, AccessRefused),
    /// Its issuer may have replaced the key: [`Authenticator::authenticate`] decides.
    AskAgain,
}

/// Turns bearer tokens into identities.
pub(crate) struct Authenticator<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> Authenticator<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// The cached result for this token, if its key is still in its issuer's key set.
    pub(crate) fn remembered(&self, token: &str, now: Timestamp) -> Option<Rc<KnownToken>> {
        let memory = &self.0.isolate.memory;
        let mut tokens = memory.tokens.borrow_mut();
        let found = tokens.find(token, now)?;
        if !KeySets::of(self.0).key_is_current(&found.known.identity.issuer, found.key_thumbprint, now) {
            tokens.forget(token);
            return None;
        }
        Some(found.known)
    }

    /// Verifies and validates `token`, and checks its revocation as `level` requires.
    pub(crate) async fn authenticate(
        &self,
        token: &str,
        now: Timestamp,
        level: RevocationLevel,
        stale_feed: StaleFeed,
    ) -> Result<Rc<Identity>, AccessRefused> {
        if level != RevocationLevel::None {
            // Before the token is looked at: the feed may know of a key that the copy of the key
            // set still has.
            RevocationCache::of(self.0).feed_ready().await;
        }
        let known = match self.remembered(token, now) {
            Some(known) => known,
            None => self.verified(token, now).await?,
        };
        RevocationCache::of(self.0).check_revoked(&known, level, stale_feed).await?;
        Ok(Rc::clone(&known.identity))
    }

    /// The first half of a verification that does not wait: the token and the key for it. `None` when anything must be
    /// waited for, or the token is refused, which [`Self::authenticate`] finds out and explains.
    pub(crate) fn pending(&self, token: String, now: Timestamp) -> Option<PendingToken> {
        let isolate = &self.0.isolate;
        let chosen = choose(token, &isolate.memory.headers, &isolate.issuers, &isolate.config.issuer).ok()?;
        let keys = KeySets::of(self.0).fresh_set(&chosen.issuer.trusted.policy.issuer, now)?;
        chosen.pending(keys.keys())
    }

    /// The second half, with the verdict about the signature.
    pub(crate) fn judged(&self, pending: PendingToken, is_good: bool, now: Timestamp) -> Judged {
        if !is_good && KeySets::of(self.0).may_have_replaced_key(pending.issuer(), now) {
            return Judged::AskAgain;
        }
        let (headers, table) = (&self.0.isolate.memory.headers, self.0.isolate.tables.gate());
        let (token, accepted) = pending.accept(is_good, headers, table.as_deref(), now);
        match accepted {
            Ok(accepted) => Judged::Known(self.remember(token.text(), accepted)),
            Err(refused) => Judged::Refused(token.text().to_owned(), refused),
        }
    }

    async fn verified(&self, token: &str, now: Timestamp) -> Result<Rc<KnownToken>, AccessRefused> {
        let headers = &self.0.isolate.memory.headers;
        let chosen = choose(token, headers, &self.0.isolate.issuers, &self.0.isolate.config.issuer)
            .map_err(|invalid| AccessRefused::Invalid(Box::new(invalid)))?;
        let verified = KeySets::of(self.0).verified_by_keys(&chosen.token, &chosen.issuer.trusted, now).await;
        let table = self.0.isolate.tables.gate();
        Ok(self.remember(token, chosen.accept(verified, headers, table.as_deref(), now)?))
    }

    fn remember(&self, token: &str, accepted: Accepted) -> Rc<KnownToken> {
        let Accepted { identity, key_thumbprint, valid_until } = accepted;
        let own = identity.issuer == self.0.isolate.config.issuer;
        let known = Rc::new(KnownToken::new(Rc::new(identity), own));
        let remembered = Remembered { known: Rc::clone(&known), key_thumbprint, valid_until };
        self.0.isolate.memory.tokens.borrow_mut().remember(token, remembered);
        known
    }
}
