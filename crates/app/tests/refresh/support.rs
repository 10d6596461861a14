//! The Worker's part of a refresh and the objects' records, for tests of the Account object.

use std::cell::Cell;
use std::time::Duration;

use postern_app::{
    account::{Account, AccountAnswer, AccountReply, AccountRequest, Refusal, Rotated, SessionView},
    ids::{AccountId, FamilyId},
    ports::memory::MemoryRecords,
    refresh::{
        Context, DriftPolicy, FamilyKind, Grant, Lifetimes, Limits, RefusalCause, Revocation, Secret, codec,
    },
    secrets::{Master, Masters},
    time::Timestamp,
};

pub(crate) const ACCOUNT: AccountId = AccountId::from_bytes([1; 16]);
pub(crate) const START: Timestamp = Timestamp::from_millis(1_000_000_500);
pub(crate) const PHONE: &str = "Acme/7.1 (Android 14)";
pub(crate) const DAY: Duration = Duration::from_hours(24);

pub(crate) fn context(user_agent: &str) -> Context {
    Context::new(Some("192.0.2.7"), Some("CH"), user_agent)
}

pub(crate) fn grant(subject: &str) -> Grant {
    Grant {
        subject: subject.to_owned(),
        client_id: "app".to_owned(),
        scope: "read:orders".to_owned(),
        roles: vec!["user".to_owned()],
        tenant_id: Some("acme".to_owned()),
        amr: vec!["pwd".to_owned()],
        auth_time: START,
    }
}

/// One account's object, and a Worker in front of it.
pub(crate) struct Bench {
    pub(crate) records: MemoryRecords,
    pub(crate) object: Account<MemoryRecords>,
    pub(crate) masters: Masters,
    pub(crate) limits: Limits,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) max_families: u16,
    pub(crate) now: Cell<Timestamp>,
    pub(crate) next_family: Cell<u8>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let records = MemoryRecords::default();
        Self {
            object: Account::new(records.clone()),
            records,
            masters: Masters::new(Master::derive(1, &[1; 32]).unwrap(), vec![]),
            limits: Limits::default(),
            lifetimes: Lifetimes::WEB,
            max_families: 50,
            now: Cell::new(START),
            next_family: Cell::new(1),
        }
    }

    pub(crate) fn pass(&self, duration: Duration) {
        self.now.set(self.now.get().plus(duration));
    }

    pub(crate) fn serve(&self, request: &AccountRequest) -> AccountReply {
        // The way over the wire is part of what is tested.
        let text = serde_json::to_string(request).unwrap();
        let served = self.object.serve(&serde_json::from_str(&text).unwrap(), self.now.get());
        let text = serde_json::to_string(&served.answer).unwrap();
        assert_eq!(serde_json::from_str::<AccountAnswer>(&text).unwrap(), served.answer);
        served
    }

    pub(crate) fn ask(&self, request: &AccountRequest) -> AccountAnswer {
        self.serve(request).answer
    }

    pub(crate) fn opening(&self, family: FamilyId, subject: &str) -> AccountRequest {
        AccountRequest::Open {
            family,
            secret_hash: first_secret(family).hash(),
            master: self.masters.current().id,
            grant: grant(subject),
            lifetimes: self.lifetimes,
            drift: DriftPolicy::Log,
            kind: FamilyKind::Session,
            binding: None,
            device_name: Some("Alice's phone".to_owned()),
            context: context(PHONE),
            max_families: self.max_families,
            credential_version: 0,
        }
    }

    pub(crate) fn next_family(&self) -> FamilyId {
        let number = self.next_family.get();
        self.next_family.set(number + 1);
        FamilyId::from_bytes([number; 16])
    }

    pub(crate) fn first_token(&self, family: FamilyId) -> String {
        codec::seal(self.masters.current(), ACCOUNT, family, 0, &first_secret(family))
    }

    /// Signs in: the family and its first refresh token.
    pub(crate) fn sign_in(&self) -> (FamilyId, String) {
        let family = self.next_family();
        let answer = self.ask(&self.opening(family, "alice"));
        assert!(matches!(answer, AccountAnswer::Opened { .. }), "{answer:?}");
        (family, self.first_token(family))
    }

    pub(crate) fn presenting(&self, token: &str, user_agent: &str) -> AccountRequest {
        let token = codec::open(&self.masters, token).unwrap();
        AccountRequest::Rotate {
            family: token.family(),
            presented: token.present(&self.masters),
            limits: self.limits,
            context: context(user_agent),
        }
    }

    /// One refresh as the Worker does it: the object's answer, and the successor it is worth.
    pub(crate) fn refresh_from(
        &self,
        token: &str,
        user_agent: &str,
    ) -> Result<(String, Rotated), Box<AccountAnswer>> {
        match self.ask(&self.presenting(token, user_agent)) {
            AccountAnswer::Rotated(rotated) => {
                let token = codec::open(&self.masters, token).unwrap();
                Ok((token.seal_successor(&self.masters, rotated.master).unwrap(), rotated))
            }
            other => Err(Box::new(other)),
        }
    }

    #[track_caller]
    pub(crate) fn refresh(&self, token: &str) -> String {
        match self.refresh_from(token, PHONE) {
            Ok((successor, _)) => successor,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn refusal(&self, token: &str) -> Refusal {
        match self.ask(&self.presenting(token, PHONE)) {
            AccountAnswer::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn cause(&self, token: &str) -> RefusalCause {
        self.refusal(token).cause
    }

    pub(crate) fn confirm(&self, family: FamilyId, rotation_count: u32) {
        assert_eq!(self.ask(&AccountRequest::Confirm { family, rotation_count }), AccountAnswer::Confirmed);
    }

    /// The families ended now.
    #[track_caller]
    pub(crate) fn revoked(&self, request: &AccountRequest) -> Vec<FamilyId> {
        match self.ask(request) {
            AccountAnswer::Revoked { ended, .. } => ended,
            other => panic!("{other:?}"),
        }
    }

    /// What is stored besides what the feed is not told yet.
    pub(crate) fn stored(&self) -> std::collections::BTreeMap<(String, String), String> {
        let mut rows = self.records.decisive();
        rows.retain(|(kind, _), _| kind != "outbox");
        rows
    }

    pub(crate) fn revoke_all(&self, reason: Revocation) -> Vec<FamilyId> {
        self.revoked(&AccountRequest::RevokeAll { reason, keep: None })
    }

    #[track_caller]
    pub(crate) fn sessions(&self) -> Vec<SessionView> {
        match self.ask(&AccountRequest::Sessions) {
            AccountAnswer::Sessions { sessions } => sessions,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn check(&self, family: FamilyId, issued_at: Timestamp) -> bool {
        // An `iat` is whole seconds.
        let issued_at = Timestamp::from_seconds(issued_at.seconds());
        match self.ask(&AccountRequest::Check { family, issued_at, grants: false }) {
            AccountAnswer::Checked { alive } => alive,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn first_secret(family: FamilyId) -> Secret {
    Secret::from_bytes([family.as_bytes().first().copied().unwrap_or(0) ^ 0x55; 32])
}
