//! Rate limits by address, network and account. Sign-ins use [`Admissions`](super::admission::Admissions) instead,
//! which also settles their results.

use crate::{
    events::EventKind,
    identity::Login,
    ids::AccountId,
    metrics::MetricFamily,
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
    Allowance, Charge, Limited, Origin, Refused, Taken, Throttles as _, network::NETWORK_ROW,
};

/// Enforces the rate limits by address, network and account.
pub(crate) struct CallLimits<'r, P: Ports>(&'r Runtime<P>);

impl<'r, P: Ports> CallLimits<'r, P> {
    pub(crate) const fn of(runtime: &'r Runtime<P>) -> Self {
        Self(runtime)
    }

    /// Enforces the limits of a call by its address and network.
    ///
    /// # Errors
    /// Returns [`ApiError::Throttled`], or a fault if the Throttle object does not answer and the call must then be
    /// refused.
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

    /// Enforces the limit of an account, which need not exist. With it, others cannot fill a mailbox with password
    /// resets.
    ///
    /// # Errors
    /// Returns the errors of [`Self::throttle`].
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

    /// Enforces the account's limit for exports, for all its sessions together.
    ///
    /// # Errors
    /// Returns the errors of [`Self::throttle`].
    pub(crate) async fn throttle_export(&self, caller: &Caller, account: AccountId) -> Result<(), ApiError> {
        let rate = self.0.isolate.config.limits.export_account;
        if rate.is_some() {
            let asked = vec![asked(ACCOUNT, SIGNED_IN_ROW, Limited::Export, rate)];
            // Limited by account and not by login: where another service keeps the users, the login is not known here.
            self.take(caller, Limited::Export, &object(SESSION, &account.to_string()), asked).await?;
        }
        Ok(())
    }

    /// Checks the platform's rate limiting binding, if there is one. It protects the Throttle objects from floods. It
    /// counts separately in each location, so it cannot replace them, and its failures are ignored.
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

    /// Calls one Throttle object. `None` means that it does not answer and the call may then continue.
    pub(crate) async fn take(
        &self,
        caller: &Caller,
        limited: Limited,
        object: &str,
        asked: Vec<LimitCheck>,
    ) -> Result<Option<Vec<Allowance>>, ApiError> {
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
        (scope, claim): (&'static str, Option<&Charge>),
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

    /// Counts every refused call, including those without an event.
    pub(crate) fn throttled(&self, throttled: Throttled) -> ApiError {
        self.0.isolate.counters.add(MetricFamily::Throttled, &throttled.policy, "");
        ApiError::Throttled(throttled)
    }
}
