//! The real Account object under the model: one value per different object, real records inside.
//!
//! Every request is served by a new [`Account`] over the stored records, so the object may have
//! crashed and come back between any two of them. What a request does is worked out once for
//! each different object and remembered.
//!
//! Three things make the number of different objects finite, and none of them can be told apart
//! by the rules:
//!
//! - Time is relative. The records are moved so that now is always [`NOW`].
//! - Counts are relative. A family whose count goes above [`TOP`] is renamed to [`TOP`], with the
//!   secret of that generation. The rules only know current, parent and older.
//! - Ages stop at the end of the lifetime, and those of an ended family are dropped.

use std::{collections::HashMap, sync::RwLock, time::Duration};

use postern_app::{
    account::{Account, AccountAnswer, AccountRequest, Granted},
    ids::{AccountId, FamilyId},
    ports::memory::{FaultMode, MemoryRecords},
    refresh::{
        Context, DriftPolicy, FamilyKind, Grant, Lifetimes, Limits, RefusalCause, Revocation, Secret, codec,
    },
    secrets::{Master, Masters},
};
use serde_json::json;

use crate::{
    mutant::Mutant,
    records::{self, NOW, Rows, View},
    rules,
};

/// A generation: the rotation count of a refresh token, renamed as the object's.
pub(crate) type Generation = u8;

/// The highest count before renaming: current, parent, grandparent, and one for all older ones.
pub(crate) const TOP: Generation = 3;

/// What one tick of the model's clock is. The windows are whole numbers of ticks, so that every
/// age is one at which something happens or lies between two of them, and the ends of the
/// half-open windows are met exactly.
pub(crate) const TICK: Duration = Duration::from_secs(15);
/// The reuse interval in ticks. A message takes less than that.
pub(crate) const REUSE: u8 = 2;
/// The lost-response window in ticks: 60 s, which is also the cap without receipts.
pub(crate) const WINDOW: u8 = 4;
/// The idle lifetime in ticks.
pub(crate) const IDLE: u8 = 6;
/// The absolute lifetime in ticks, where it is modelled.
pub(crate) const ABSOLUTE: u8 = 13;
/// Late retries for one rotation before 429.
pub(crate) const MAX_LATE: u8 = 2;
/// Late-only rotations in a row, as by default.
pub(crate) const LATE_RUN: u8 = 3;

const ACCOUNT: AccountId = AccountId::from_bytes([1; 16]);
const FAMILY: FamilyId = FamilyId::from_bytes([2; 16]);
/// The owner's program, and the thief's when he takes care.
const OWNER_AGENT: &str = "Acme/7.1 (Android 14)";
/// Another thief's.
const OTHER_AGENT: &str = "curl/8.5.0";
/// One of the different objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ObjectId(u32);

/// What is asked of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Ask {
    /// The genuine token of this generation is presented.
    Rotate { generation: Generation, agent: Agent },
    /// The right MAC around a secret that was never issued.
    Forged { generation: Generation },
    /// The genuine token, by another client than it was issued to.
    WrongClient { generation: Generation },
    /// The gate saw an access token of this generation.
    Confirm { generation: Generation },
    /// The session logs out.
    Logout,
    /// The user logs out everywhere.
    LogoutAll,
    /// Whether the session is alive, for a gate that asks.
    Check,
    /// The alarm rings.
    Sweep,
}

/// Whose program asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Agent {
    /// The owner's, or one that says so.
    Owner,
    /// Another.
    Other,
}

/// What goes wrong in the storage meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Trouble {
    /// Nothing.
    None,
    /// The n-th call fails without effect: a crash before the commit.
    BeforeCommit(u8),
    /// The first write is there, and nobody is told: a crash after the commit.
    AfterCommit,
}

/// What the object answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reply {
    Granted {
        how: Granted,
        /// The generation of the token that the Worker sealed; none if its text is not the one
        /// that this generation has.
        successor: Option<Generation>,
        /// The count that the object named.
        count: u32,
        distance: i64,
    },
    Refused {
        cause: RefusalCause,
        distance: Option<i64>,
    },
    Revoked,
    Checked {
        alive: bool,
    },
    Unavailable,
    Done,
}

/// What a request did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Effect {
    pub(crate) reply: Reply,
    pub(crate) object: ObjectId,
    /// The generations were renamed: each one has now one less, but not less than 0.
    pub(crate) renamed: bool,
    /// What a crash goes back to, if the object has answered before it stored (a mutant may).
    pub(crate) durable: Option<ObjectId>,
}

#[derive(Default)]
struct Known {
    rows: Vec<Rows>,
    views: Vec<View>,
    ids: HashMap<Rows, ObjectId>,
    effects: HashMap<(ObjectId, Ask, Trouble), Effect>,
    ticks: HashMap<ObjectId, ObjectId>,
    probes: HashMap<ObjectId, u32>,
}

/// All objects met so far, and what was learnt of them.
pub(crate) struct Objects {
    masters: Masters,
    /// The one token of each generation, sealed by the Worker's own code.
    tokens: Vec<String>,
    /// The hash of each generation's secret as the object stores it.
    hashes: Vec<String>,
    limits: Limits,
    absolute: bool,
    mutant: Option<Mutant>,
    known: RwLock<Known>,
}

impl Objects {
    pub(crate) fn new(receipts: bool, absolute: bool, mutant: Option<Mutant>) -> Self {
        let masters = Masters::new(Master::derive(1, &[1; 32]).expect("32 bytes"), vec![]);
        let mut tokens =
            vec![codec::seal(masters.current(), ACCOUNT, FAMILY, 0, &Secret::from_bytes([5; 32]))];
        for _ in 0..=TOP {
            let last = codec::open(&masters, tokens.last().expect("one")).expect("our own");
            tokens.push(last.seal_successor(&masters, 1).unwrap());
        }
        let hashes = tokens
            .iter()
            .map(|token| {
                let presented = codec::open(&masters, token).expect("our own").present(&masters);
                json!(presented.secret_hash).as_str().expect("text").to_owned()
            })
            .collect();
        let limits = Limits {
            reuse_interval: TICK * u32::from(REUSE),
            // Without receipts the code itself must cut it to 60 s.
            lost_response_window: if receipts { TICK * u32::from(WINDOW) } else { Duration::from_hours(24) },
            max_late_retries: u16::from(MAX_LATE),
            late_only_rotations: u16::from(LATE_RUN),
            receipts,
            pace: None,
        };
        let limits = mutant.map_or(limits, |mutant| mutant.limits(limits));
        Self { masters, tokens, hashes, limits, absolute, mutant, known: RwLock::default() }
    }

    /// The object right after the sign-in.
    pub(crate) fn signed_in(&self) -> ObjectId {
        let records = MemoryRecords::default();
        let token = self.open(0);
        Account::new(records.clone()).serve(
            &AccountRequest::Open {
                family: FAMILY,
                secret_hash: token.present(&self.masters).secret_hash,
                master: 1,
                grant: Grant {
                    subject: "alice".to_owned(),
                    client_id: "app".to_owned(),
                    scope: "read:orders".to_owned(),
                    roles: Vec::new(),
                    tenant_id: None,
                    amr: Vec::new(),
                    auth_time: NOW,
                },
                lifetimes: Lifetimes {
                    idle: TICK * u32::from(IDLE),
                    absolute: if self.absolute {
                        TICK * u32::from(ABSOLUTE)
                    } else {
                        Duration::from_hours(24)
                    },
                },
                drift: DriftPolicy::Log,
                kind: FamilyKind::Session,
                binding: None,
                device_name: None,
                context: context(Agent::Owner),
                max_families: 50,
                credential_version: 0,
            },
            NOW,
        );
        self.intern(records.snapshot()).0
    }

    /// Whether the codec turns away every token with one changed letter, before any object.
    pub(crate) fn garbage_opens(&self) -> bool {
        let token = self.tokens.first().expect("one");
        (0..token.len()).any(|at| {
            ["A", "B", "_"].iter().any(|letter| {
                let changed = format!("{}{letter}{}", &token[..at], &token[at + 1..]);
                changed != *token && codec::open(&self.masters, &changed).is_ok()
            })
        })
    }

    pub(crate) fn view(&self, id: ObjectId) -> View {
        self.known.read().expect("no panic")[id]
    }

    /// How many different objects there are.
    pub(crate) fn count(&self) -> usize {
        self.known.read().expect("no panic").rows.len()
    }

    /// What the request does to the object.
    pub(crate) fn ask(&self, id: ObjectId, ask: Ask, trouble: Trouble) -> Effect {
        let key = (id, ask, trouble);
        if let Some(effect) = self.known.read().expect("no panic").effects.get(&key) {
            return *effect;
        }
        let effect = self.work_out(id, ask, trouble);
        self.known.write().expect("no panic").effects.insert(key, effect);
        effect
    }

    /// The object a tick later.
    pub(crate) fn tick(&self, id: ObjectId) -> ObjectId {
        if let Some(next) = self.known.read().expect("no panic").ticks.get(&id) {
            return *next;
        }
        let mut rows = self.rows(id);
        records::edit_family(&mut rows, |family| {
            for key in ["created_at", "rotated_at", "seen_at"] {
                family[key] = json!(records::millis(&family[key]) - records::tick_millis());
            }
            if let Some(at) = records::confirmed_at(family) {
                *at = json!(records::millis(at) - records::tick_millis());
            }
        });
        let next = self.intern(rows).0;
        self.known.write().expect("no panic").ticks.insert(id, next);
        next
    }

    /// The rules that this object breaks by what it would answer next, whoever asked.
    pub(crate) fn probe(&self, id: ObjectId) -> u32 {
        if let Some(broken) = self.known.read().expect("no panic").probes.get(&id) {
            return *broken;
        }
        let broken = rules::probe(self, id);
        self.known.write().expect("no panic").probes.insert(id, broken);
        broken
    }

    fn rows(&self, id: ObjectId) -> Rows {
        self.known.read().expect("no panic").rows[id.0 as usize].clone()
    }

    fn open(&self, generation: Generation) -> codec::RefreshToken {
        codec::open(&self.masters, &self.tokens[usize::from(generation)]).expect("our own token")
    }

    fn work_out(&self, id: ObjectId, ask: Ask, trouble: Trouble) -> Effect {
        let before = self.rows(id);
        let view = self.view(id);
        let asked = ask;
        let ask = self.mutant.map_or(ask, |mutant| mutant.ask(asked, view));
        let now = self.mutant.map_or(NOW, |mutant| mutant.now(NOW));
        let records = MemoryRecords::default();
        records.restore(before.clone());
        records.break_with(match trouble {
            Trouble::None => FaultMode::None,
            Trouble::BeforeCommit(call) => FaultMode::FailCall(u32::from(call)),
            Trouble::AfterCommit => FaultMode::FailAfterPersisting(0),
        });
        let account = Account::new(records.clone());
        let mut reply = match self.request(ask) {
            Some(request) => self.reply(ask, account.serve(&request, now).answer),
            None => account.sweep(now).map_or(Reply::Unavailable, |_| Reply::Done),
        };
        let mut after = records.snapshot();
        let mut durable = None;
        if let (Ask::Rotate { generation, .. }, Reply::Granted { distance, .. }) = (asked, &mut reply) {
            // A mutant that asks for another token tells the truth about the one presented.
            if asked != ask {
                *distance = i64::from(view.count) - i64::from(generation);
            }
        }
        if let Some(mutant) = self.mutant {
            durable = mutant.after(&before, &mut after, &mut reply);
        }
        let (object, renamed) = self.intern(after);
        let durable = durable.map(|mut rows| {
            if renamed {
                records::rename(&mut rows, &self.hashes);
            }
            self.intern(rows).0
        });
        Effect { reply, object, renamed, durable }
    }

    fn request(&self, ask: Ask) -> Option<AccountRequest> {
        let rotate = |generation, agent| {
            let mut presented = self.open(generation).present(&self.masters);
            presented.client_id = Some("app".to_owned());
            AccountRequest::Rotate { family: FAMILY, presented, limits: self.limits, context: context(agent) }
        };
        Some(match ask {
            Ask::Rotate { generation, agent } => rotate(generation, agent),
            Ask::Forged { generation } | Ask::WrongClient { generation } => {
                let mut request = rotate(generation, Agent::Owner);
                if let AccountRequest::Rotate { presented, .. } = &mut request {
                    if matches!(ask, Ask::WrongClient { .. }) {
                        presented.client_id = Some("other".to_owned());
                    } else {
                        let secret = Secret::from_bytes([99; 32]);
                        let next = u32::from(generation) + 1;
                        presented.successor_hash =
                            secret.successor(self.masters.current(), FAMILY, next).hash();
                        presented.secret_hash = secret.hash();
                    }
                }
                request
            }
            Ask::Confirm { generation } => {
                AccountRequest::Confirm { family: FAMILY, rotation_count: u32::from(generation) }
            }
            Ask::Logout => AccountRequest::Revoke { family: FAMILY, reason: Revocation::Logout },
            Ask::LogoutAll => AccountRequest::RevokeAll { reason: Revocation::LogoutAll, keep: None },
            Ask::Check => AccountRequest::Check { family: FAMILY, issued_at: NOW, grants: false },
            Ask::Sweep => return None,
        })
    }

    fn reply(&self, ask: Ask, answer: AccountAnswer) -> Reply {
        match answer {
            AccountAnswer::Rotated(rotated) => {
                // The Worker's part: it seals the successor of what was presented.
                let successor = match ask {
                    Ask::Rotate { generation, .. } => {
                        let text =
                            self.open(generation).seal_successor(&self.masters, rotated.master).unwrap();
                        self.tokens.iter().position(|token| *token == text)
                    }
                    _ => None,
                };
                Reply::Granted {
                    how: rotated.granted,
                    successor: successor.and_then(|generation| Generation::try_from(generation).ok()),
                    count: rotated.rotation_count,
                    distance: rotated.evidence.distance,
                }
            }
            AccountAnswer::Refused(refusal) => Reply::Refused {
                cause: refusal.cause,
                distance: refusal.evidence.map(|evidence| evidence.distance),
            },
            AccountAnswer::Revoked { .. } => Reply::Revoked,
            AccountAnswer::Checked { alive } => Reply::Checked { alive },
            AccountAnswer::Unavailable { .. } => Reply::Unavailable,
            _ => Reply::Done,
        }
    }

    /// The object with these records, and whether its generations were renamed.
    fn intern(&self, mut rows: Rows) -> (ObjectId, bool) {
        let mut renamed = false;
        if records::count(&rows).is_some_and(|count| count > u64::from(TOP)) {
            records::rename(&mut rows, &self.hashes);
            renamed = true;
        }
        // They tell what happened, the user and the feed, and decide nothing.
        rows.retain(|(kind, _), _| kind != "activity" && kind != "outbox");
        let absolute = self.absolute;
        records::edit_family(&mut rows, |family| records::settle(family, absolute));
        records::edit(&mut rows, "account", |meta| {
            meta["epoch"] = json!(meta["epoch"].as_u64().unwrap_or(0).min(1));
            if let Some(revoked) = meta.get_mut("revoked_all") {
                revoked["at"] = json!(NOW.millis());
            }
        });
        let view = records::view(&rows, &self.hashes, self.absolute);
        let mut known = self.known.write().expect("no panic");
        if let Some(id) = known.ids.get(&rows) {
            return (*id, renamed);
        }
        let id = ObjectId(u32::try_from(known.rows.len()).expect("few objects"));
        known.rows.push(rows.clone());
        known.views.push(view);
        known.ids.insert(rows, id);
        (id, renamed)
    }
}

impl std::ops::Index<ObjectId> for Known {
    type Output = View;

    fn index(&self, id: ObjectId) -> &View {
        &self.views[id.0 as usize]
    }
}

fn context(agent: Agent) -> Context {
    let user_agent = match agent {
        Agent::Owner => OWNER_AGENT,
        Agent::Other => OTHER_AGENT,
    };
    Context::new(Some("192.0.2.7"), Some("CH"), user_agent)
}
