//! A family's story, told row by row of the table of decisions.

mod callers;
mod endings;
mod lost_answers;
mod pace;
mod rotating;
mod theft;

use core::time::Duration;
use std::sync::LazyLock;

use super::*;
use crate::{
    ids::FamilyId,
    refresh::{Binding, FamilyKind, Grant, Lifetime, Lifetimes, NewFamily, Revocation, Secret},
    secrets::Master,
};

const ID: FamilyId = FamilyId::from_bytes([5; 16]);
const START: Timestamp = Timestamp::from_seconds(1_000_000);
const PHONE: &str = "Acme/7.1 (Android 14)";

/// A family together with every secret it ever had.
struct Story {
    family: Family,
    secrets: Vec<Secret>,
    limits: Limits,
    now: Timestamp,
    context: Context,
}

fn context(user_agent: &str) -> Context {
    Context::new(Some("192.0.2.7"), Some("CH"), user_agent)
}

fn ratchet() -> &'static Master {
    static MASTER: LazyLock<Master> = LazyLock::new(|| Master::derive(1, &[1; 32]).unwrap());
    &MASTER
}

impl Story {
    fn begin() -> Self {
        let secret = Secret::from_bytes([6; 32]);
        let grant = Grant {
            subject: "alice".to_owned(),
            client_id: "app".to_owned(),
            scope: "read:orders".to_owned(),
            roles: vec![],
            tenant_id: None,
            amr: vec![],
            auth_time: START,
        };
        let opening = NewFamily {
            grant,
            lifetimes: Lifetimes::WEB,
            drift: DriftPolicy::Log,
            kind: FamilyKind::Session,
            binding: None,
            device_name: None,
            context: context(PHONE),
            secret_hash: secret.hash(),
            master: 1,
        };
        Self {
            family: Family::open(opening, START),
            secrets: vec![secret],
            limits: Limits::default(),
            now: START,
            context: context(PHONE),
        }
    }

    /// With this many rotations, a minute apart, each confirmed.
    fn rotated(times: u32) -> Self {
        let mut story = Self::begin();
        for count in 0..times {
            story.pass(60);
            assert_eq!(story.present(count), Decision::Rotate);
            story.confirm(count + 1);
        }
        story
    }

    /// The same, the last rotation's receipt not confirmed.
    fn answer_lost(times: u32) -> Self {
        let mut story = Self::rotated(times - 1);
        story.pass(60);
        assert_eq!(story.present(times - 1), Decision::Rotate);
        story
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    fn confirm(&mut self, rotation_count: u32) {
        self.family = self.family.clone().confirm(rotation_count, self.now);
    }

    /// The genuine token of this count; beyond the last one, as another copy of the state made it.
    fn genuine(&mut self, count: u32) -> Presented {
        while self.secrets.len() <= usize::try_from(count).unwrap() {
            let next = u32::try_from(self.secrets.len()).unwrap();
            self.secrets.push(self.secrets.last().unwrap().successor(ratchet(), ID, next));
        }
        let secret = self.secrets.get(usize::try_from(count).unwrap()).unwrap().clone();
        Self::presented(count, &secret)
    }

    fn presented(count: u32, secret: &Secret) -> Presented {
        Presented {
            rotation_count: count,
            secret_hash: secret.hash(),
            successor_hash: secret.successor(ratchet(), ID, count.saturating_add(1)).hash(),
            next_master: 1,
            client_id: None,
            binding: None,
        }
    }

    fn forged(count: u32) -> Presented {
        Self::presented(count, &Secret::from_bytes([99; 32]))
    }

    fn judge(&mut self, presented: &Presented) -> Decided {
        let (family, decided) = self.family.clone().rotate(presented, self.now, &self.limits, &self.context);
        self.family = family;
        decided
    }

    fn present(&mut self, count: u32) -> Decision {
        let presented = self.genuine(count);
        self.judge(&presented).decision
    }

    /// Judges it and asserts that the family is exactly as before.
    #[track_caller]
    fn unchanged(&mut self, presented: &Presented) -> Decision {
        let before = self.family.clone();
        let decision = self.judge(presented).decision;
        assert_eq!(self.family, before);
        decision
    }

    #[track_caller]
    fn alive(&self) -> &Alive {
        match &self.family.state {
            State::Alive(alive) => alive,
            State::Ended(end) => panic!("ended: {end:?}"),
        }
    }

    #[track_caller]
    fn end_reason(&self) -> EndReason {
        self.family.end().unwrap().reason
    }
}

const fn refuse(cause: RefusalCause) -> Decision {
    Decision::Refuse { cause }
}
