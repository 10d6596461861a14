//! The decision on a presented refresh token: the table of `docs/concepts/refresh-families.md`, row by
//! row, as one pure function.

use super::{
    Alive, Context, Decided, Decision, DriftPolicy, EndReason, Evidence, Family, Limits, Presented, Receipt,
    RefusalCause, SignInReason, State,
};
use postern_jose::time::Timestamp;

impl Family {
    /// Judges a presented token whose MAC was checked. Gives the family as it is afterwards and
    /// the decision with its evidence. The family is unchanged unless the decision is
    /// [`Decision::Rotate`], a late [`Decision::Retry`], or one that ends it.
    pub(crate) fn rotate(
        self,
        presented: &Presented,
        now: Timestamp,
        limits: &Limits,
        context: &Context,
    ) -> (Self, Decided) {
        let distance = i64::from(self.rotation_count) - i64::from(presented.rotation_count);
        let evidence = Evidence::new(distance, context.drift_from(&self.context));
        let (family, decision) = self.decide(presented, now, limits, context, &evidence);
        (family, Decided { decision, evidence })
    }

    fn decide(
        self,
        presented: &Presented,
        now: Timestamp,
        limits: &Limits,
        context: &Context,
        evidence: &Evidence,
    ) -> (Self, Decision) {
        let alive = match &self.state {
            State::Alive(alive) => alive.clone(),
            State::Ended(end) => {
                let cause = RefusalCause::Ended { reason: end.reason };
                return (self, Decision::Refuse { cause });
            }
        };
        if let Some(lifetime) = self.lifetime_over(now) {
            return (self.expire(now), Decision::Expire { lifetime });
        }

        if let Some(ahead) = presented.rotation_count.checked_sub(self.rotation_count).filter(|n| *n > 0) {
            // The token is genuine and the state does not know it: the state is an older copy,
            // in which tokens live again that were replaced. Nothing in it can be relied on.
            let family = self.ended(EndReason::AheadOfState { ahead }, now);
            return (family, Decision::Refuse { cause: RefusalCause::AheadOfState });
        }
        let distance = self.rotation_count - presented.rotation_count;
        match distance {
            0 if presented.secret_hash != alive.secret_hash => {
                // Only the holder of the envelope key can make this, and he does not know the
                // secret. Revoking would let him end any session whose ids he knows.
                (self, Decision::Refuse { cause: RefusalCause::Forged })
            }
            0 => self.rotate_current(&alive, presented, now, limits, context, evidence),
            1 if presented.successor_hash == alive.secret_hash => {
                self.retry_parent(&alive, presented, now, limits, context, evidence)
            }
            _ => self.reuse(distance, now),
        }
    }

    fn rotate_current(
        mut self,
        alive: &Alive,
        presented: &Presented,
        now: Timestamp,
        limits: &Limits,
        context: &Context,
        evidence: &Evidence,
    ) -> (Self, Decision) {
        if let Some(cause) = self.stranger(presented) {
            return (self, Decision::Refuse { cause });
        }
        if self.demands_sign_in(evidence) {
            return self.sign_in(SignInReason::Drift, now);
        }
        let late_only_rotations = match alive.late_retries {
            0 => 0,
            _ => alive.late_only_rotations.saturating_add(1),
        };
        if late_only_rotations >= limits.late_only_rotations {
            return self.sign_in(SignInReason::LateRetries, now);
        }
        let Some(next_count) = self.rotation_count.checked_add(1) else {
            return self.sign_in(SignInReason::Exhausted, now);
        };
        if let Some(rate) = limits.pace {
            match rate.take(self.pace, now) {
                Ok(bucket) => self.pace = bucket,
                Err(wait) => {
                    let retry_after = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
                    return (self, Decision::Refuse { cause: RefusalCause::TooFast { retry_after } });
                }
            }
        }
        self.rotation_count = next_count;
        self.rotated_at = now;
        self.seen_at = now;
        self.context = context.clone();
        self.state = State::Alive(Alive {
            secret_hash: presented.successor_hash,
            master: presented.next_master,
            receipt: Receipt::Unconfirmed,
            late_retries: 0,
            late_only_rotations,
        });
        (self, Decision::Rotate)
    }

    /// The parent of the current token, proved by deriving the current secret.
    fn retry_parent(
        mut self,
        alive: &Alive,
        presented: &Presented,
        now: Timestamp,
        limits: &Limits,
        context: &Context,
        evidence: &Evidence,
    ) -> (Self, Decision) {
        let stranger = self.stranger(presented);
        if self.age(now) < limits.effective_reuse_interval() {
            if let Some(cause) = stranger {
                return (self, Decision::Refuse { cause });
            }
            if self.demands_sign_in(evidence) {
                return self.sign_in(SignInReason::Drift, now);
            }
            return (self, Decision::Retry { late: false });
        }

        let window_open = match alive.receipt {
            Receipt::Unconfirmed => self.age(now) < limits.effective_window(),
            // Not a lost answer any more, but perhaps a request that was sent before it came: two
            // tabs ask again at once, one is answered and used, and the other arrives after that.
            Receipt::Confirmed { at } => now.since(at) < limits.effective_reuse_interval(),
        };
        if !window_open || stranger.is_some() || !self.same_device(context) {
            return self.reuse(1, now);
        }
        if self.demands_sign_in(evidence) {
            return self.sign_in(SignInReason::Drift, now);
        }
        if alive.late_retries >= limits.max_late_retries {
            return (self, Decision::Refuse { cause: RefusalCause::Throttled });
        }
        self.seen_at = now;
        self.state =
            State::Alive(Alive { late_retries: alive.late_retries.saturating_add(1), ..alive.clone() });
        (self, Decision::Retry { late: true })
    }

    /// Whether the request comes from another client or without the bound key.
    fn stranger(&self, presented: &Presented) -> Option<RefusalCause> {
        if presented.client_id.as_ref().is_some_and(|client| *client != self.grant.client_id) {
            return Some(RefusalCause::WrongClient);
        }
        if self.binding.is_some() && presented.binding != self.binding {
            return Some(RefusalCause::WrongBinding);
        }
        None
    }

    /// A bound family is known by its key (see [`Self::stranger`]), any other by the program
    /// that rotated last.
    fn same_device(&self, context: &Context) -> bool {
        self.binding.is_some() || context.agent() == self.context.agent()
    }

    /// Whether the context has changed so much that the client's policy wants a new sign-in.
    const fn demands_sign_in(&self, evidence: &Evidence) -> bool {
        match self.drift {
            DriftPolicy::Log => false,
            DriftPolicy::SignIn { from_score } => evidence.drift.score >= from_score,
        }
    }

    fn reuse(self, distance: u32, now: Timestamp) -> (Self, Decision) {
        (self.ended(EndReason::Reuse { distance }, now), Decision::Reuse)
    }

    fn sign_in(self, rule: SignInReason, now: Timestamp) -> (Self, Decision) {
        let family = self.ended(EndReason::SignIn { rule }, now);
        (family, Decision::Refuse { cause: RefusalCause::SignIn { rule } })
    }
}

#[cfg(test)]
mod tests;
