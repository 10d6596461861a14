//! Limits of calls by address, network and account. A sign-in uses [`Admissions`](super::admission::Admissions) instead,
//! which also says afterwards how it went.

use crate::{
    events::EventKind,
    identity::Login,
    ids::AccountId,
    metrics::Family,
    ports::RateLimiter as _,
    rate::Rate,
    runtime::{Runtime, events::Events, ports::Ports},
    throttle::rows::{
        ACCOUNT, IP, LimitCheck, NETWORK, SESSION, SIGNED_IN_ROW, STRANGERS_ROW, asked, key, object,
        of_login, policy, stuffing,
    },
    web::{
        caller::Caller,
        error::ApiError,
        throttled::{Throttled, whole_seconds},
    },
};
use postern_core::throttle::{
    Claim, Grant, Limited, Origin, Refused, Taken, Throttles as _, network::NETWORK_ROW,
};

/// Holds calls to their limits by address, network and account.
pub(crate) struct CallLimits<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> CallLimits<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Holds a call to the limits of its address and network.
    ///
    /// # Errors
    /// [`ApiError::Throttled`]; or a fault when nobody can tell and the rule is to refuse then.
    pub(crate) async fn throttle(&self, caller: &Caller, limited: Limited) -> Result<(), ApiError> {
        self.shield(caller, limited).await?;
        let origin = Origin::of(caller.ip.as_deref());
        let (ip, network) = self.0.isolate.config.limits.by_origin(limited);
        let asked = [(IP, origin.address.as_str(), ip), (NETWORK, NETWORK_ROW, network)]
            .into_iter()
            .filter(|(_, _, rate)| rate.is_some())
            .map(|(scope, row, rate)| asked(scope, row, limited, rate))
            .collect();
        self.take(caller, limited, &object(IP, &origin.network), asked).await?;
        Ok(())
    }

    /// Holds a call about one account, which need not exist, to the account's limit. For resets:
    /// a mailbox is not filled by strangers.
    ///
    /// # Errors
    /// As [`Self::throttle`].
    pub(crate) async fn throttle_login(
        &self,
        caller: &Caller,
        limited: Limited,
        login: &Login,
    ) -> Result<(), ApiError> {
        let limits = &self.0.isolate.config.limits;
        let rate = match limited {
            Limited::Login => limits.login_account,
            Limited::Reset => limits.reset_account,
            Limited::Refresh | Limited::Register | Limited::Export => None,
        };
        if rate.is_some() {
            let asked = vec![asked(ACCOUNT, STRANGERS_ROW, limited, rate)];
            self.take(caller, limited, &of_login(login), asked).await?;
        }
        Ok(())
    }

    /// Holds a copy of what is stored to the limit of the account, whichever session asks for it.
    ///
    /// # Errors
    /// As [`Self::throttle`].
    pub(crate) async fn throttle_export(&self, caller: &Caller, account: AccountId) -> Result<(), ApiError> {
        let rate = self.0.isolate.config.limits.export_account;
        if rate.is_some() {
            let asked = vec![asked(ACCOUNT, SIGNED_IN_ROW, Limited::Export, rate)];
            // Not by the login: where another service keeps the users, nobody here knows it.
            self.take(caller, Limited::Export, &object(SESSION, &account.to_string()), asked).await?;
        }
        Ok(())
    }

    /// The platform's own limit, where one is bound: it keeps a flood from the objects. It
    /// counts for each location, so it cannot be the limit itself, and its failure is none.
    pub(crate) async fn shield(&self, caller: &Caller, limited: Limited) -> Result<(), ApiError> {
        let Some(binding) = &self.0.isolate.config.limits.coarse_binding else { return Ok(()) };
        let Origin { network, address } = Origin::of(caller.ip.as_deref());
        let key = [limited.name(), &network, &address].join(" ");
        match self.0.ports.rate_limiter().admits(binding, &key).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                // The platform's periods are 10 s and 60 s; which one, and the limit, it keeps to itself.
                let policy = policy(limited, "shield");
                Err(self.throttled(Throttled { policy, quota: 1, window: 10, retry_after: 10 }))
            }
            Err(fault) => {
                Events::of(self.0).record_fault(&fault, caller);
                Ok(())
            }
        }
    }

    /// Asks one object. `None` when it can't tell and the rule is to go on then.
    pub(crate) async fn take(
        &self,
        caller: &Caller,
        limited: Limited,
        object: &str,
        asked: Vec<LimitCheck>,
    ) -> Result<Option<Vec<Grant>>, ApiError> {
        if asked.is_empty() || self.0.isolate.config.limits.off {
            return Ok(Some(Vec::new()));
        }
        let now = self.0.now();
        let refusals = &self.0.isolate.memory.refusals;
        for one in &asked {
            if let Some(throttled) = refusals.find(&key(object, &one.claim), now) {
                return Err(self.throttled(throttled));
            }
        }
        let (scopes, claims): (Vec<_>, Vec<_>) = asked.into_iter().map(|one| (one.scope, one.claim)).unzip();
        let fault = match self.0.ports.throttles().take(object, &claims).await {
            Ok(Taken::Granted(grants)) => return Ok(Some(grants)),
            Ok(Taken::Refused(refused)) => {
                let scope = scopes.get(refused.claim).copied().unwrap_or(IP);
                let claim = claims.get(refused.claim);
                return Err(self.refuse(caller, limited, object, (scope, claim), refused));
            }
            Err(fault) => fault,
        };
        if self.0.isolate.config.limits.is_open_without_throttle(limited) {
            Events::of(self.0).record_fault(&fault, caller);
            return Ok(None);
        }
        Err(fault.into())
    }

    fn refuse(
        &self,
        caller: &Caller,
        limited: Limited,
        object: &str,
        (scope, claim): (&'static str, Option<&Claim>),
        refused: Refused,
    ) -> ApiError {
        let now = self.0.now();
        let rate = claim.and_then(|claim| claim.rate).unwrap_or(Rate::new(1, 1));
        let throttled = Throttled {
            policy: policy(limited, scope),
            quota: rate.burst,
            window: rate.window(),
            retry_after: whole_seconds(refused.until.since(now)),
        };
        let refusals = &self.0.isolate.memory.refusals;
        let is_news = match claim.filter(|_| refused.settled) {
            Some(claim) => refusals.remember(key(object, claim), refused.until, &throttled, now),
            None => true,
        };
        if is_news {
            let (limit, retry_after) = (throttled.policy.clone(), throttled.retry_after);
            Events::of(self.0).record(now, EventKind::Throttled { limit, retry_after }, caller.setting());
        }
        if refused.alarm {
            Events::of(self.0).record(now, stuffing(scope), caller.setting());
        }
        self.throttled(throttled)
    }

    /// Every call that is refused is counted, also those that no event tells of.
    pub(crate) fn throttled(&self, throttled: Throttled) -> ApiError {
        self.0.isolate.counters.add(Family::Throttled, &throttled.policy, "");
        ApiError::Throttled(throttled)
    }
}
