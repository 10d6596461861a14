//! What goes wrong: a list of kinds, of which each seed switches a random part on (swarm testing), each in windows of its
//! own. Every kind counts how often it struck, and at which part.

use core::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use postern_core::ports::Component;

use crate::dice::Dice;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// A kind of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind { $($(#[doc = $doc])* $name,)* }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name, as the command line takes it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it is, in words.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc,)*).trim_ascii(),)* }
            }
        }
    };
}

kinds! {
    /// A read of KV fails, or gets no answer.
    KvReads,
    /// KV serves reads and accepts no writes.
    KvReadOnly,
    /// A write to KV is given up after 10 s and arrives later, after newer ones.
    KvLateWrite,
    /// A region's copies in KV are not renewed for minutes.
    KvStale,
    /// KV has garbage, or an empty feed of the future, in place of the feed.
    KvGarbage,
    /// One class of objects cannot be reached.
    ObjectUnreachable,
    /// Objects do what was asked and the answer is lost.
    ObjectAnswerLost,
    /// Calls of objects take up to 15 s, longer than the callers wait.
    ObjectSlow,
    /// An object is reset while it has calls, as by a deployment: the platform says `retryable`.
    ObjectReset,
    /// An object's machine stops before a commit is on disk: what the call wrote is gone, and its answer never left.
    ObjectCrash,
    /// The storage of an object fails at one of its calls.
    ObjectStorage,
    /// Alarms ring up to 20 s late.
    AlarmLate,
    /// An alarm rings once more after it was done.
    AlarmTwice,
    /// D1 fails.
    DatabaseFails,
    /// D1 commits and the answer is lost.
    DatabaseAnswerLost,
    /// D1 does not answer.
    DatabaseHangs,
    /// Another issuer does not answer, or answers 503.
    IssuerDown,
    /// Another issuer answers after the time limit.
    IssuerHangs,
    /// Another issuer answers with garbage or with an empty key set.
    IssuerLies,
    /// Another issuer signs with a key as soon as it publishes it, and takes the former one down at once.
    IssuerRotatesBadly,
    /// Another issuer's clock is ahead by up to 25 s.
    IssuerClockAhead,
    /// A client's request does not arrive.
    RequestLost,
    /// An answer does not reach the client.
    AnswerLost,
    /// Requests and answers take seconds.
    NetworkSlow,
    /// The platform evicts isolates at any moment, with everything that they had begun.
    IsolateEvicted,
    /// The platform stops a request in the middle, as its client went away or it took too much CPU time: the isolate goes on.
    RequestStopped,
    /// The platform cuts off the work that an answer left to do.
    WorkCutOff,
    /// A request has used up its subrequests: 50, as on the free plan. Each further call of it fails.
    SubrequestsUsedUp,
    /// An isolate's clock is an hour ahead, and is put back.
    ClockPutBack,
    /// The feed's object moves to a machine whose clock is 45 s behind, and back.
    FeedMoves,
    /// The machines' clocks differ by up to a second.
    ClocksDiffer,
    /// A deployment with another master secret is rolled out in two steps; versions answer in turn meanwhile.
    Rollout,
    /// A new master secret becomes current in one step: the former version does not know it.
    HastyRollout,
    /// A master secret is taken out, while password hashes are still under it.
    MasterRemoved,
    /// The version being rolled out adds members to all messages, at any depth; then it is rolled back.
    NewerMessages,
    /// The former version has the messages of release 0.1.0: it knows no others, and needs what they had.
    OlderMessages,
    /// The feed has room for few sessions.
    FeedSmall,
    /// Access tokens live for as long as the settings permit: 15 minutes.
    LongTokens,
    /// Another deployment, of a former release, writes its feed to the same namespace of KV.
    OtherDeployment,
    /// The version being rolled out names another place of an issuer's keys, where there are none.
    IssuerMoved,
    /// All clients go quiet for an hour or more: isolates idle with what they remember.
    Quiet,
}

/// The parts that a window of an object's fault picks from.
const CLASSES: [Component; 7] = [
    Component::Account,
    Component::KeyRing,
    Component::RevocationFeed,
    Component::IssuerKeys,
    Component::Throttle,
    Component::AuditLog,
    Component::Metrics,
];

/// One kind in one run.
#[derive(Debug, Default)]
struct State {
    is_on: bool,
    /// How often it strikes while it is on, in percent.
    rate: u64,
    class: Option<Component>,
    strikes: u64,
}

/// The faults of one run.
#[derive(Debug)]
pub(crate) struct Faults {
    dice: Dice,
    chosen: BTreeSet<Kind>,
    states: RefCell<BTreeMap<Kind, State>>,
    points: RefCell<BTreeMap<(Kind, &'static str), u64>>,
    over: Cell<bool>,
}

impl Faults {
    /// Of each kind, whether this seed has it: one to five, or by `choice`.
    pub(crate) fn of_seed(dice: Dice) -> Self {
        let all = Kind::ALL;
        let many = dice.between(1, 6);
        let chosen = (0..many).filter_map(|_| all.get(dice.below(all.len()))).copied().collect();
        Self::new(dice, chosen)
    }

    pub(crate) fn new(dice: Dice, chosen: BTreeSet<Kind>) -> Self {
        Self { dice, chosen, states: RefCell::default(), points: RefCell::default(), over: Cell::new(false) }
    }

    /// The kinds that this run may have.
    pub(crate) const fn chosen(&self) -> &BTreeSet<Kind> {
        &self.chosen
    }

    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.chosen.contains(&kind)
    }

    /// Opens a window.
    pub(crate) fn begin(&self, kind: Kind) {
        if self.over.get() {
            return;
        }
        let mut states = self.states.borrow_mut();
        let state = states.entry(kind).or_default();
        state.is_on = true;
        state.rate = [5, 20, 50, 100][self.dice.below(4)];
        state.class = Some(CLASSES[self.dice.below(CLASSES.len())]);
    }

    pub(crate) fn end(&self, kind: Kind) {
        if let Some(state) = self.states.borrow_mut().get_mut(&kind) {
            state.is_on = false;
        }
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn end_all(&self) {
        self.over.set(true);
        self.states.borrow_mut().values_mut().for_each(|state| state.is_on = false);
    }

    pub(crate) fn are_over(&self) -> bool {
        self.over.get()
    }

    pub(crate) fn is_on(&self, kind: Kind) -> bool {
        self.states.borrow().get(&kind).is_some_and(|state| state.is_on)
    }

    /// Whether it strikes here; counts it.
    pub(crate) fn strikes(&self, kind: Kind, place: &'static str) -> bool {
        let rate = match self.states.borrow().get(&kind) {
            Some(state) if state.is_on => state.rate,
            _ => return false,
        };
        let struck = self.dice.percent(rate);
        if struck {
            self.note(kind, place);
        }
        struck
    }

    /// Whether it strikes at this part, of which a window picks one.
    pub(crate) fn strikes_part(&self, kind: Kind, part: Component) -> bool {
        let of_part = self.states.borrow().get(&kind).is_some_and(|state| state.class == Some(part));
        of_part && self.strikes(kind, part.name())
    }

    /// Counts a fault that was not drawn here.
    pub(crate) fn note(&self, kind: Kind, place: &'static str) {
        self.states.borrow_mut().entry(kind).or_default().strikes += 1;
        *self.points.borrow_mut().entry((kind, place)).or_default() += 1;
    }

    /// How often each kind struck, by place.
    pub(crate) fn points(&self) -> BTreeMap<(Kind, &'static str), u64> {
        self.points.borrow().clone()
    }
}
