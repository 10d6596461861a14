//! The Account object against a naive model that keeps every generation it ever made.
//!
//! The model shares no code with `postern_app::refresh`: it finds the presented token by looking
//! through all generations and applies the table in words. Time moves in seconds.

use std::time::Duration;

use postern_app::{
    account::{AccountAnswer, AccountRequest, Granted},
    ids::FamilyId,
    ports::{Records as _, memory::FaultMode},
    refresh::{
        EndReason, Lifetimes, Limits, Presented, RefusalCause, Revocation, Secret, SignInReason, codec,
    },
    secrets::{Master, Masters},
};
use proptest::prelude::*;

use super::support::*;

/// Shorter than in life, so that runs of some sixty steps reach every limit.
const IDLE: u64 = 2 * 86_400;
const ABSOLUTE: u64 = 5 * 86_400;
const MAX_LATE: u16 = 3;

const TABLET: &str = "Acme/7.1 (iPad; iOS 18)";

/// One thing that happens to the family.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A token of the generation this far behind the newest is presented, genuine.
    Present { behind: usize, tablet: bool },
    /// The same, but the answer is lost after the object stored it.
    PresentAndLose { behind: usize },
    /// The same, but the object's storage fails before it stores anything.
    PresentToBrokenStorage { behind: usize, call: u32 },
    /// A token with the right MAC and a secret that was never issued.
    Forge { behind: usize },
    /// A token from beyond a restored backup.
    Ahead { by: u32 },
    /// The gate confirms the generation this far behind, late or not.
    Confirm { behind: usize },
    /// Time passes.
    Wait { seconds: u64 },
    /// Somebody ends it.
    Logout,
    /// Somebody ends all.
    LogoutEverywhere,
    /// A new master becomes the current one.
    ChangeMaster,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let behind = prop_oneof![15 => Just(0_usize), 15 => Just(1_usize), 1 => 2..40_usize];
    let wait = prop_oneof![
        4 => 0..12_u64,
        4 => 12..2000_u64,
        1 => 80_000..90_000_u64,
        1 => 130_000..180_000_u64,
    ];
    let step = prop_oneof![
        12 => (behind.clone(), prop::bool::weighted(0.1)).prop_map(|(behind, tablet)| Step::Present { behind, tablet }),
        3 => behind.clone().prop_map(|behind| Step::PresentAndLose { behind }),
        3 => (behind.clone(), 0..4_u32).prop_map(|(behind, call)| Step::PresentToBrokenStorage { behind, call }),
        1 => Just(0_usize).prop_map(|behind| Step::Forge { behind }),
        6 => behind.prop_map(|behind| Step::Confirm { behind }),
        10 => wait.prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::ChangeMaster),
    ];
    // Habits that single steps at random rarely make up.
    let present = |behind| Step::Present { behind, tablet: false };
    let loop_of_retries = [vec![present(0), Step::Wait { seconds: 20 }], vec![present(1); 5]].concat();
    let days = [Step::Wait { seconds: 100_000 }, present(0)].repeat(5);
    let habit = prop_oneof![
        40 => step.clone().prop_map(|step| vec![step]),
        1 => Just(loop_of_retries),
        1 => Just(days),
    ];
    // What ends a family for sure comes once at most, somewhere, or the runs would be short.
    let last = prop_oneof![
        Just(Step::Logout),
        Just(Step::LogoutEverywhere),
        (1..9_u32).prop_map(|by| Step::Ahead { by }),
        (1..40_usize).prop_map(|behind| Step::Forge { behind }),
    ];
    (prop::collection::vec(habit, 1..50), last, prop::collection::vec(step, 0..10))
        .prop_map(|(before, last, after)| [before.concat(), vec![last], after].concat())
}

/// What the table says, in the model's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    New,
    Again,
    AgainLate,
    Theft { distance: u32 },
    TooOld,
    TooManyLate,
    SignIn,
    Forged,
    Ahead,
    Over,
}

struct Generation {
    token: String,
    made_at: u64,
    /// When the gate confirmed it first.
    confirmed_at: Option<u64>,
    late_answers: u32,
}

/// All that ever happened, kept.
struct Model {
    generations: Vec<Generation>,
    now: u64,
    tablet: bool,
    over: bool,
    current_master: u8,
}

impl Model {
    fn newest(&self) -> &Generation {
        self.generations.last().unwrap()
    }

    fn at(&self, behind: usize) -> usize {
        (self.generations.len() - 1).saturating_sub(behind)
    }

    fn judge(&self, index: usize, tablet: bool) -> Verdict {
        let newest = self.generations.len() - 1;
        let age = self.now - self.newest().made_at;
        if self.over {
            return Verdict::Over;
        }
        if self.now >= ABSOLUTE || age >= IDLE {
            return Verdict::TooOld;
        }
        if index == newest {
            let late_in_a_row = self.generations.iter().rev().take_while(|one| one.late_answers > 0).count();
            return if late_in_a_row >= 3 { Verdict::SignIn } else { Verdict::New };
        }
        if index + 1 == newest {
            if age < 10 {
                return Verdict::Again;
            }
            let may_be_on_its_way = match self.newest().confirmed_at {
                None => age < 86_400,
                Some(at) => self.now - at < 10,
            };
            if may_be_on_its_way && tablet == self.tablet {
                return if self.newest().late_answers >= u32::from(MAX_LATE) {
                    Verdict::TooManyLate
                } else {
                    Verdict::AgainLate
                };
            }
        }
        Verdict::Theft { distance: u32::try_from(newest - index).unwrap() }
    }

    /// What a verdict does to the world.
    fn apply(&mut self, verdict: Verdict, index: usize, tablet: bool, successor: &str) {
        match verdict {
            Verdict::New => {
                self.tablet = tablet;
                self.generations.push(Generation {
                    token: successor.to_owned(),
                    made_at: self.now,
                    confirmed_at: None,
                    late_answers: 0,
                });
            }
            Verdict::AgainLate => {
                let newest = self.generations.last_mut().unwrap();
                newest.late_answers += 1;
                assert_eq!(newest.token, successor, "a retry is byte-identical");
            }
            Verdict::Again => assert_eq!(self.newest().token, successor, "a retry is byte-identical"),
            Verdict::Theft { .. } | Verdict::TooOld | Verdict::SignIn | Verdict::Ahead => self.over = true,
            Verdict::TooManyLate | Verdict::Forged | Verdict::Over => {}
        }
        assert!(index < self.generations.len() || verdict == Verdict::Ahead || self.over);
    }
}

/// What the object answered, in the model's words.
fn told(answer: &AccountAnswer) -> Verdict {
    match answer {
        AccountAnswer::Rotated(rotated) => match rotated.granted {
            Granted::Rotate => Verdict::New,
            Granted::Retry => Verdict::Again,
            Granted::LateRetry => Verdict::AgainLate,
        },
        AccountAnswer::Refused(refusal) => match refusal.cause {
            RefusalCause::Reuse => {
                let distance = refusal.evidence.as_ref().map_or(0, |evidence| evidence.distance);
                Verdict::Theft { distance: u32::try_from(distance).unwrap() }
            }
            RefusalCause::Expired { .. } => Verdict::TooOld,
            RefusalCause::SignIn { rule: SignInReason::LateRetries } => Verdict::SignIn,
            RefusalCause::Throttled => Verdict::TooManyLate,
            RefusalCause::Forged => Verdict::Forged,
            RefusalCause::AheadOfState => Verdict::Ahead,
            RefusalCause::Ended { .. } => Verdict::Over,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

struct Run {
    bench: Bench,
    model: Model,
    family: FamilyId,
}

impl Run {
    fn begin() -> Self {
        let lifetimes =
            Lifetimes { idle: Duration::from_secs(IDLE), absolute: Duration::from_secs(ABSOLUTE) };
        let limits = Limits { max_late_retries: MAX_LATE, ..Limits::default() };
        let bench = Bench { limits, lifetimes, ..Bench::new() };
        let (family, token) = bench.sign_in();
        let first = Generation { token, made_at: 0, confirmed_at: None, late_answers: 0 };
        let model = Model { generations: vec![first], now: 0, tablet: false, over: false, current_master: 1 };
        Self { bench, model, family }
    }

    fn request(&self, token: &str, tablet: bool) -> AccountRequest {
        self.bench.presenting(token, if tablet { TABLET } else { PHONE })
    }

    /// Presents a genuine token and compares the whole decision.
    fn present(&mut self, behind: usize, tablet: bool) -> AccountAnswer {
        let index = self.model.at(behind);
        let token = self.model.generations[index].token.clone();
        let expected = self.model.judge(index, tablet);
        let before = self.bench.stored();
        let answer = self.bench.ask(&self.request(&token, tablet));
        assert_eq!(told(&answer), expected, "generation {index}");

        let evidence = match &answer {
            AccountAnswer::Rotated(rotated) => &rotated.evidence,
            AccountAnswer::Refused(refusal) => refusal.evidence.as_ref().unwrap(),
            other => panic!("{other:?}"),
        };
        let distance = self.model.generations.len() - 1 - index;
        assert_eq!(evidence.distance, i64::try_from(distance).unwrap(), "the distance is exact");

        let successor = match &answer {
            AccountAnswer::Rotated(rotated) => codec::open(&self.bench.masters, &token)
                .unwrap()
                .seal_successor(&self.bench.masters, rotated.master)
                .unwrap(),
            _ => String::new(),
        };
        if matches!(expected, Verdict::Again | Verdict::TooManyLate | Verdict::Over) {
            assert_eq!(self.bench.stored(), before, "{expected:?} changes nothing");
        }
        self.model.apply(expected, index, tablet, &successor);
        answer
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Present { behind, tablet } => {
                self.present(behind, tablet);
            }
            Step::PresentAndLose { behind } => {
                let index = self.model.at(behind);
                let tablet = self.model.tablet;
                let token = self.model.generations[index].token.clone();
                let verdict = self.model.judge(index, tablet);
                // Before an early end, the note for the feed is written.
                let noted = matches!(verdict, Verdict::Theft { .. } | Verdict::SignIn);
                self.bench.records.break_with(FaultMode::FailAfterPersisting(noted.into()));
                let answer = self.bench.ask(&self.request(&token, tablet));
                self.bench.records.break_with(FaultMode::None);
                let unseen = matches!(answer, AccountAnswer::Unavailable { .. });
                let writes = !matches!(verdict, Verdict::Again | Verdict::TooManyLate | Verdict::Over);
                assert_eq!(unseen, writes, "{verdict:?}");
                // What the object stored, the model works out by itself; the client saw nothing.
                let opened = codec::open(&self.bench.masters, &token).unwrap();
                let master = match verdict {
                    Verdict::New => self.model.current_master,
                    _ => codec::open(&self.bench.masters, &self.model.newest().token).unwrap().master(),
                };
                let successor = opened.seal_successor(&self.bench.masters, master).unwrap();
                self.model.apply(verdict, index, tablet, &successor);
            }
            Step::PresentToBrokenStorage { behind, call } => {
                let index = self.model.at(behind);
                let token = self.model.generations[index].token.clone();
                let before = self.bench.stored();
                self.bench.records.break_with(FaultMode::FailCall(call.min(1)));
                let answer = self.bench.ask(&self.request(&token, self.model.tablet));
                self.bench.records.break_with(FaultMode::None);
                assert!(matches!(answer, AccountAnswer::Unavailable { .. }), "{answer:?}");
                assert_eq!(self.bench.stored(), before, "a fault changes nothing");
            }
            Step::Forge { behind } => self.forge(behind),
            Step::Ahead { by } => {
                let newest = u32::try_from(self.model.generations.len() - 1).unwrap();
                let answer = self.ask_with(newest + by, &Secret::from_bytes([77; 32]));
                let expected = match self.model.judge(self.model.at(0), self.model.tablet) {
                    verdict @ (Verdict::Over | Verdict::TooOld) => verdict,
                    _ => Verdict::Ahead,
                };
                assert_eq!(told(&answer), expected);
                self.model.apply(expected, self.model.at(0), false, "");
            }
            Step::Confirm { behind } => {
                let index = self.model.at(behind);
                self.bench.confirm(self.family, u32::try_from(index).unwrap());
                let now = self.model.now;
                // A confirmation says something only while its generation is the newest one.
                if index + 1 == self.model.generations.len() {
                    self.model.generations[index].confirmed_at.get_or_insert(now);
                }
            }
            Step::Wait { seconds } => {
                self.model.now += seconds;
                self.bench.pass(Duration::from_secs(seconds));
            }
            Step::Logout => {
                let reason = Revocation::Logout;
                self.bench.ask(&AccountRequest::Revoke { family: self.family, reason });
                self.model.over = true;
            }
            Step::LogoutEverywhere => {
                self.bench.revoke_all(Revocation::LogoutAll);
                self.model.over = true;
            }
            Step::ChangeMaster => {
                let id = self.model.current_master.saturating_add(1);
                self.model.current_master = id;
                let all = (1..id).map(|id| Master::derive(id, &[id; 32]).unwrap()).collect();
                self.bench.masters = Masters::new(Master::derive(id, &[id; 32]).unwrap(), all);
            }
        }
    }

    fn forge(&mut self, behind: usize) {
        let index = self.model.at(behind);
        let before = self.bench.stored();
        let answer = self.ask_with(u32::try_from(index).unwrap(), &Secret::from_bytes([99; 32]));
        let newest = self.model.generations.len() - 1;
        let expected = match self.model.judge(index, self.model.tablet) {
            verdict @ (Verdict::Over | Verdict::TooOld) => verdict,
            _ if index == newest => Verdict::Forged,
            _ => Verdict::Theft { distance: u32::try_from(newest - index).unwrap() },
        };
        assert_eq!(told(&answer), expected);
        if expected == Verdict::Forged {
            assert_eq!(self.bench.stored(), before, "a forged token changes nothing");
        }
        self.model.apply(expected, index, self.model.tablet, "");
    }

    /// Asks with a count and a secret that no token of ours has.
    fn ask_with(&self, rotation_count: u32, secret: &Secret) -> AccountAnswer {
        let master = self.bench.masters.current();
        let successor = secret.successor(master, self.family, rotation_count + 1);
        let presented = Presented {
            rotation_count,
            secret_hash: secret.hash(),
            successor_hash: successor.hash(),
            next_master: master.id,
            client_id: None,
            binding: None,
        };
        let context = context(if self.model.tablet { TABLET } else { PHONE });
        let (family, limits) = (self.family, self.bench.limits);
        self.bench.ask(&AccountRequest::Rotate { family, presented, limits, context })
    }

    /// What holds after every step.
    fn invariants(&self) {
        let record = self.bench.records.read("family", &self.family.to_string()).unwrap().unwrap();
        assert!(record.len() < 900, "a family's record stays small: {}", record.len());
        let alive = !self.model.over
            && self.model.now < ABSOLUTE
            && self.model.now - self.model.newest().made_at < IDLE;
        assert_eq!(self.bench.sessions().len(), usize::from(alive));
        assert_eq!(self.bench.check(self.family, self.bench.now.get()), alive);
        for (kind, record) in self.bench.records.snapshot() {
            for generation in &self.model.generations {
                assert!(!record.contains(&generation.token[60..80]), "a secret is stored in {kind:?}");
            }
        }
    }
}

/// 100 cases by default, which take a few seconds; `PROPTEST_CASES` sets another number.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 100 };
    ProptestConfig { cases, failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]

    // The model remembers all of them.
    #[test]
    fn the_object_decides_as_a_model_with_every_generation(steps in steps()) {
        let mut run = Run::begin();
        for step in &steps {
            run.step(step);
            run.invariants();
        }
        // At most one live leaf: of all tokens ever made, only the newest rotates.
        let rotates = (0..run.model.generations.len())
            .filter(|index| run.model.judge(*index, run.model.tablet) == Verdict::New)
            .count();
        prop_assert!(rotates <= 1);
    }

    /// No thief, any network: an honest device keeps its session through lost answers, as long
    /// as no three rotations in a row needed a late retry and it comes back inside its window.
    #[test]
    fn a_lost_answer_never_ends_an_honest_session(
        rounds in prop::collection::vec((0..4_u32, 0..7200_u64, any::<bool>(), any::<bool>()), 1..40)
    ) {
        let bench = Bench::new();
        let (family, mut held) = bench.sign_in();
        let mut late_in_a_row = 0;
        for (count, (losses, wait, after_commit, use_at_gate)) in (1..).zip(rounds) {
            bench.pass(Duration::from_secs(wait));
            let mut late = false;
            for loss in 0..losses {
                // Two tabs hold the same token; each attempt's answer is lost, or never made.
                let fault = if after_commit { FaultMode::FailAfterPersisting(0) } else { FaultMode::FailCall(loss % 3) };
                bench.records.break_with(fault);
                let _ = bench.refresh_from(&held, PHONE);
                bench.records.break_with(FaultMode::None);
                // Three losses in a row on one rotation still are one late rotation.
                let pause = if late_in_a_row < 2 { wait / 4 } else { 0 };
                bench.pass(Duration::from_secs(pause));
            }
            let answer = bench.refresh_from(&held, PHONE);
            let Ok((successor, rotated)) = answer else {
                return Err(TestCaseError::fail(format!("an honest device was refused: {answer:?}")));
            };
            prop_assert_eq!(rotated.rotation_count, count, "an acknowledged rotation is never lost");
            late |= rotated.granted == Granted::LateRetry;
            late_in_a_row = if late { late_in_a_row + 1 } else { 0 };
            held = successor;
            if use_at_gate {
                bench.confirm(family, count);
            }
        }
    }

    /// A thief copies the token at some moment and both go on, in any order. If either of them
    /// uses the gate as a rule, the other's next refresh ends the family; and in no case are
    /// there ever two successors of one token.
    #[test]
    fn a_thief_at_the_gate_is_found_at_the_owners_next_refresh(
        before in 0..5_u32,
        thief_rotations in 1..5_u32,
        waits in prop::collection::vec(11..3600_u64, 10),
    ) {
        let bench = Bench::new();
        let (family, mut held) = bench.sign_in();
        for count in 1..=before {
            held = bench.refresh(&held);
            bench.confirm(family, count);
        }
        let mut stolen = held.clone();
        for turn in 0..thief_rotations {
            bench.pass(Duration::from_secs(waits[turn as usize]));
            stolen = bench.refresh(&stolen);
            bench.confirm(family, before + turn + 1);
        }
        bench.pass(Duration::from_secs(waits[9]));
        let refusal = bench.refusal(&held);
        prop_assert_eq!(refusal.cause, RefusalCause::Reuse);
        prop_assert_eq!(refusal.evidence.unwrap().distance, i64::from(thief_rotations));
        let refused = matches!(bench.cause(&stolen), RefusalCause::Ended { reason: EndReason::Reuse { .. } });
        prop_assert!(refused);
    }

    /// A thief who copies the token, rotates and never shows an access token at the gate,
    /// while the owner does, in whatever order they come.
    /// A silent thief never uses the gate.
    #[test]
    fn a_silent_thief_is_stopped_after_three_rounds_at_most(
        turns in prop::collection::vec((any::<bool>(), 11..7200_u64), 1..80)
    ) {
        let bench = Bench::new();
        let (family, first) = bench.sign_in();
        let (mut owner, mut thief) = (first.clone(), first);
        // The thief's rotations since the owner came last, and how many of his in a row the
        // owner was served after.
        let (mut unseen, mut seen_in_a_row) = (0_u32, 0_u32);
        for (thief_comes, wait) in turns {
            bench.pass(Duration::from_secs(wait));
            let answer = bench.refresh_from(if thief_comes { &thief } else { &owner }, PHONE);
            if thief_comes {
                let Ok((successor, rotated)) = answer else { return Ok(()) };
                prop_assert_eq!(rotated.granted, Granted::Rotate, "only what nobody used is worth something to him");
                prop_assert!(seen_in_a_row < 3, "he rotates after the owner came late three times in a row");
                thief = successor;
                unseen += 1;
                continue;
            }
            match (unseen, answer) {
                (0, Ok((successor, rotated))) => {
                    prop_assert_eq!(rotated.granted, Granted::Rotate);
                    owner = successor;
                    seen_in_a_row = 0;
                }
                (1, Ok((successor, rotated))) => {
                    prop_assert_eq!(rotated.granted, Granted::LateRetry);
                    owner = successor;
                    seen_in_a_row += 1;
                }
                (2.., Ok(_)) => return Err(TestCaseError::fail("two rotations of a thief went unnoticed")),
                (_, Err(_)) => {
                    prop_assert!(unseen >= 2 || seen_in_a_row >= 3, "the owner was refused for nothing");
                    prop_assert!(bench.refresh_from(&thief, PHONE).is_err());
                    return Ok(());
                }
            }
            unseen = 0;
            let count = codec::open(&bench.masters, &owner).unwrap().rotation_count();
            bench.confirm(family, count);
        }
    }

    #[test]
    fn garbage_wakes_no_object_and_changes_nothing(text in ".{0,200}", cut in 0..119_usize, letter in "[A-Za-z0-9_-]") {
        let bench = Bench::new();
        let (_, token) = bench.sign_in();
        prop_assert!(codec::open(&bench.masters, &text).is_err());
        let changed = format!("{}{letter}{}", &token[..cut], &token[cut + 1..]);
        prop_assert_eq!(codec::open(&bench.masters, &changed).is_ok(), changed == token);
    }
}
