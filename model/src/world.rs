//! The world around the object: an honest device with its tabs, a network, a gate, a thief, and
//! somebody who logs out. Every order in which these can act is explored.

use std::sync::atomic::{AtomicU32, Ordering};

use postern_app::account::Granted;
use stateright::{Model, Property};

use crate::{
    mutant::Mutant,
    object::{
        ABSOLUTE, Agent, Ask, Generation, IDLE, LATE_RUN, MAX_LATE, ObjectId, Objects, REUSE, Reply, Trouble,
    },
    records::Life,
    rules::{self, Who, met},
};

/// What is in play.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each with its name")]
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Tabs of the one device, which share one stored token.
    pub(crate) tabs: u8,
    /// Copies of requests that the network may make, at one time.
    pub(crate) copies: u8,
    /// The longest way of a message, in ticks; less than the reuse interval for honest claims.
    pub(crate) transit: u8,
    pub(crate) thief: bool,
    pub(crate) receipts: bool,
    pub(crate) faults: bool,
    pub(crate) logout: bool,
    pub(crate) absolute: bool,
    /// The device refreshes a token only when it has had it for longer than a message takes.
    pub(crate) calm: bool,
    /// The device uses an access token and crashes before it stores the refresh token.
    pub(crate) uses_before_storing: bool,
    /// A device that comes back after the lost-response window is not called a thief either.
    pub(crate) never_too_late: bool,
    /// A thief's late retries are not counted against the owner.
    pub(crate) unstarved: bool,
    /// What must be met.
    pub(crate) meets: u32,
}

/// A tab of the honest device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Tab {
    Idle,
    /// Its request is on the way.
    Asking {
        generation: Generation,
        age: u8,
    },
    /// The answer is, with this new generation.
    Answered {
        generation: Generation,
        age: u8,
    },
}

/// Somebody with a copied token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Thief {
    pub(crate) generation: Generation,
    agent: Agent,
}

/// A state of the world.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) object: ObjectId,
    /// What a crash goes back to, when that is something else.
    durable: Option<ObjectId>,
    /// The device's one stored token.
    pub(crate) store: Generation,
    /// For how long, up to one more than a message's longest way.
    stored_for: u8,
    pub(crate) tabs: Vec<Tab>,
    /// Copies of requests, and late ones: generation and age.
    pub(crate) copies: Vec<(Generation, u8)>,
    pub(crate) thief: Option<Thief>,

    // History, kept apart from what the object stores.
    /// A confirmation of the thief's use of an access token has arrived that the owner has not
    /// received; until the owner receives one.
    pub(crate) thief_used: bool,
    /// Ticks since the last rotation, and since the sign-in.
    pub(crate) age: u8,
    pub(crate) created: u8,
    /// The current generation was confirmed, so long ago, up to the reuse interval.
    pub(crate) confirmed: Option<u8>,
    /// The program that rotated last.
    pub(crate) rotated_by: Agent,
    /// Late retries of the current rotation, and rotations in a row that had some before it.
    pub(crate) late: u8,
    pub(crate) late_run: u8,
    /// The thief had one of them.
    pub(crate) late_by_thief: bool,
    /// A revocation was answered.
    pub(crate) revoked: bool,
    /// The rules that were broken on the way here.
    pub(crate) broken: u32,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Fifteen seconds pass.
    Tick,
    /// A tab sends the stored token.
    Send(usize),
    /// The tab's request reaches the object.
    Deliver(usize, Trouble),
    /// A copy of a request does.
    DeliverCopy(usize),
    /// The network loses the tab's request or answer.
    Lose(usize),
    /// It makes a copy of the tab's request, to arrive later.
    Copy(usize),
    /// The answer arrives and the device stores the token, unless it has a newer one.
    Receive(usize),
    /// The answer arrives, the access token is used, and the device crashes before it stores.
    UseAndCrash(usize),
    /// The device's use of its current access token is confirmed.
    Confirm,
    /// A thief copies the stored token.
    Steal(Agent),
    /// He presents it; the answer may be lost.
    ThiefRefresh { lost: bool },
    /// The gate confirms his access token.
    ThiefConfirm,
    /// Somebody ends the session, or all sessions.
    Logout { all: bool, trouble: Trouble },
    /// The object crashes and comes back.
    Crash,
    /// The object's alarm rings.
    Sweep,
}

/// A scene over the real object, or a mutant of it.
pub(crate) struct Play {
    pub(crate) scene: Scene,
    pub(crate) objects: Objects,
    pub(crate) met: AtomicU32,
}

impl Play {
    pub(crate) fn new(scene: Scene, mutant: Option<Mutant>) -> Self {
        let objects = Objects::new(scene.receipts, scene.absolute, mutant);
        Self { scene, objects, met: AtomicU32::new(0) }
    }

    /// The owner or the thief presents a token. Gives the new generation if one was answered.
    fn present(
        &self,
        world: &mut World,
        who: Who,
        generation: Generation,
        agent: Agent,
        trouble: Trouble,
    ) -> Option<Generation> {
        let ask = Ask::Rotate { generation, agent };
        let served = self.objects.ask(world.object, ask, Trouble::None);
        let mut answered = true;
        if trouble != Trouble::None {
            let troubled = self.objects.ask(world.object, ask, trouble);
            answered = troubled.reply != Reply::Unavailable;
            // The family, not the whole object: that the feed is to be told of an end is noted before
            // the end itself, and noted alone it does no harm.
            let untouched = self.objects.view(troubled.object) == self.objects.view(world.object);
            let as_served = troubled.object == served.object && (!answered || troubled.reply == served.reply);
            let sound = match trouble {
                Trouble::BeforeCommit(_) if !answered => untouched,
                _ => as_served || (!answered && untouched),
            };
            if !sound {
                world.broken |= rules::FAULTS;
            }
            if !answered {
                self.met.fetch_or(met::UNAVAILABLE, Ordering::Relaxed);
                if matches!(trouble, Trouble::BeforeCommit(_)) || !as_served {
                    world.object = troubled.object;
                    return None;
                }
            }
        }

        let (before, after) = (self.objects.view(world.object), self.objects.view(served.object));
        world.broken |= rules::judge(&self.scene, world, (who, agent), generation, before, &served, after);
        self.met.fetch_or(rules::note(world, who, served.reply), Ordering::Relaxed);
        world.object = served.object;
        world.durable = served.durable;
        let Reply::Granted { how, .. } = served.reply else {
            return None;
        };
        match how {
            Granted::Rotate => {
                world.late_run = if world.late > 0 { (world.late_run + 1).min(LATE_RUN) } else { 0 };
                (world.late, world.age, world.confirmed) = (0, 0, None);
                (world.rotated_by, world.late_by_thief) = (agent, false);
            }
            Granted::LateRetry => {
                world.late = (world.late + 1).min(MAX_LATE);
                world.late_by_thief |= who == Who::Thief;
            }
            Granted::Retry => {}
        }
        if served.renamed {
            world.rename();
        }
        answered.then_some((generation + 1).saturating_sub(u8::from(served.renamed)))
    }

    fn confirm(&self, world: &mut World, generation: Generation) {
        world.object = self.objects.ask(world.object, Ask::Confirm { generation }, Trouble::None).object;
        world.confirmed = world.confirmed.or(Some(0));
    }

    fn troubles(scene_has: bool) -> &'static [Trouble] {
        // A decision makes three calls: it reads two records and writes one.
        const TROUBLES: [Trouble; 5] = [
            Trouble::None,
            Trouble::BeforeCommit(0),
            Trouble::BeforeCommit(1),
            Trouble::BeforeCommit(2),
            Trouble::AfterCommit,
        ];
        if scene_has { &TROUBLES } else { TROUBLES.first_chunk::<1>().map_or(&[], |one| one) }
    }

    fn can_tick(&self, world: &World, alive: bool) -> bool {
        let waiting = world.tabs.iter().any(|tab| {
            matches!(tab, Tab::Asking { age, .. } | Tab::Answered { age, .. } if *age >= self.scene.transit)
        }) || world.copies.iter().any(|(_, age)| *age >= self.scene.transit);
        let something_left = (alive && world.age < IDLE) || (self.scene.absolute && world.created < ABSOLUTE);
        something_left && !waiting
    }

    /// With the rules noted that break in this state, however it was reached.
    fn looked_at(&self, mut world: World) -> World {
        let view = self.objects.view(world.object);
        world.broken |= self.objects.probe(world.object);
        if world.answered().any(|generation| generation > view.count) {
            world.broken |= rules::ACKNOWLEDGED;
        }
        if world.revoked && view.alive() {
            world.broken |= rules::REVOKED;
        }
        world
    }
}

impl World {
    /// The object's generations were renamed: so are all tokens.
    fn rename(&mut self) {
        let down = |generation: &mut Generation| *generation = generation.saturating_sub(1);
        down(&mut self.store);
        for tab in &mut self.tabs {
            if let Tab::Asking { generation, .. } | Tab::Answered { generation, .. } = tab {
                down(generation);
            }
        }
        self.copies.iter_mut().for_each(|(generation, _)| down(generation));
        if let Some(thief) = &mut self.thief {
            down(&mut thief.generation);
        }
    }

    fn receive(&mut self, generation: Generation) {
        self.store = self.store.max(generation);
        self.thief_used = false;
    }

    /// Tabs are alike, and so are copies: only what is there counts, not where.
    fn sorted(mut self) -> Self {
        self.tabs.sort_unstable();
        self.copies.sort_unstable();
        self
    }

    /// Every generation whose token the object has given away.
    fn answered(&self) -> impl Iterator<Item = Generation> {
        let tabs = self.tabs.iter().filter_map(|tab| match tab {
            Tab::Answered { generation, .. } => Some(*generation),
            _ => None,
        });
        tabs.chain([self.store]).chain(self.thief.map(|thief| thief.generation))
    }
}

impl Model for Play {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let world = World {
            object: self.objects.signed_in(),
            durable: None,
            store: 0,
            stored_for: self.scene.transit + 1,
            tabs: vec![Tab::Idle; usize::from(self.scene.tabs)],
            copies: Vec::new(),
            thief: None,
            thief_used: false,
            age: 0,
            created: 0,
            confirmed: None,
            rotated_by: Agent::Owner,
            late: 0,
            late_run: 0,
            late_by_thief: false,
            revoked: false,
            broken: 0,
        };
        vec![self.looked_at(world)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        // Nothing after a broken rule is of interest.
        if world.broken != 0 {
            return;
        }
        let scene = &self.scene;
        let view = self.objects.view(world.object);
        if self.can_tick(world, view.alive()) {
            actions.push(Action::Tick);
        }
        for (at, tab) in world.tabs.iter().enumerate() {
            match tab {
                Tab::Idle if !scene.calm || world.stored_for > scene.transit => {
                    actions.push(Action::Send(at));
                }
                Tab::Idle => {}
                Tab::Asking { .. } => {
                    let troubles = Self::troubles(scene.faults);
                    actions.extend(troubles.iter().map(|trouble| Action::Deliver(at, *trouble)));
                    actions.push(Action::Lose(at));
                    if world.copies.len() < usize::from(scene.copies) {
                        actions.push(Action::Copy(at));
                    }
                }
                Tab::Answered { .. } => {
                    actions.extend([Action::Receive(at), Action::Lose(at)]);
                    if scene.uses_before_storing {
                        actions.push(Action::UseAndCrash(at));
                    }
                }
            }
        }
        actions.extend((0..world.copies.len()).map(Action::DeliverCopy));

        // Confirmations of other counts change nothing, which is tried on every object. A late
        // one is one that takes its time to be chosen, and a lost one never is.
        let confirmable = scene.receipts && view.alive();
        if confirmable && world.confirmed.is_none() && world.store == view.count {
            actions.push(Action::Confirm);
        }
        if scene.thief {
            match world.thief {
                None => actions.extend([Agent::Owner, Agent::Other].map(Action::Steal)),
                Some(thief) => {
                    actions.extend([false, true].map(|lost| Action::ThiefRefresh { lost }));
                    if confirmable && thief.generation == view.count {
                        actions.push(Action::ThiefConfirm);
                    }
                }
            }
        }
        if scene.logout && !world.revoked {
            for all in [false, true] {
                let troubles = Self::troubles(scene.faults);
                actions.extend(troubles.iter().map(|&trouble| Action::Logout { all, trouble }));
            }
        }
        if scene.faults {
            actions.push(Action::Crash);
        }
        if scene.absolute && view.life != Life::Gone {
            actions.push(Action::Sweep);
        }
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        let longest = self.scene.transit + 1;
        match action {
            Action::Tick => {
                world.object = self.objects.tick(world.object);
                world.durable = None;
                world.age = (world.age + 1).min(IDLE);
                world.confirmed = world.confirmed.map(|age| (age + 1).min(REUSE));
                if self.scene.absolute {
                    world.created = (world.created + 1).min(ABSOLUTE);
                }
                world.stored_for = (world.stored_for + 1).min(longest);
                for tab in &mut world.tabs {
                    if let Tab::Asking { age, .. } | Tab::Answered { age, .. } = tab {
                        *age += 1;
                    }
                }
                world.copies.iter_mut().for_each(|(_, age)| *age += 1);
            }
            Action::Send(at) => *world.tabs.get_mut(at)? = Tab::Asking { generation: world.store, age: 0 },
            Action::Deliver(at, trouble) => {
                let Tab::Asking { generation, .. } = *world.tabs.get(at)? else { return None };
                *world.tabs.get_mut(at)? = Tab::Idle;
                let answer = self.present(&mut world, Who::Owner, generation, Agent::Owner, trouble);
                if let Some(generation) = answer {
                    *world.tabs.get_mut(at)? = Tab::Answered { generation, age: 0 };
                }
            }
            Action::DeliverCopy(at) => {
                let (generation, _) = world.copies.remove(at);
                self.present(&mut world, Who::Owner, generation, Agent::Owner, Trouble::None);
            }
            Action::Lose(at) => *world.tabs.get_mut(at)? = Tab::Idle,
            Action::Copy(at) => {
                let Tab::Asking { generation, age } = *world.tabs.get(at)? else { return None };
                world.copies.push((generation, age));
            }
            Action::Receive(at) => {
                let Tab::Answered { generation, .. } = *world.tabs.get(at)? else { return None };
                *world.tabs.get_mut(at)? = Tab::Idle;
                if generation > world.store && self.scene.calm {
                    world.stored_for = 0;
                }
                world.receive(generation);
            }
            Action::UseAndCrash(at) => {
                let Tab::Answered { generation, .. } = *world.tabs.get(at)? else { return None };
                *world.tabs.get_mut(at)? = Tab::Idle;
                if self.objects.view(world.object).count == generation {
                    self.confirm(&mut world, generation);
                }
            }
            Action::Confirm => {
                let generation = world.store;
                self.confirm(&mut world, generation);
            }
            Action::Steal(agent) => world.thief = Some(Thief { generation: world.store, agent }),
            Action::ThiefRefresh { lost } => {
                let Thief { generation, agent } = world.thief?;
                let answer = self.present(&mut world, Who::Thief, generation, agent, Trouble::None);
                if let (Some(generation), false) = (answer, lost) {
                    world.thief = Some(Thief { generation, agent });
                }
            }
            Action::ThiefConfirm => {
                let generation = world.thief?.generation;
                self.confirm(&mut world, generation);
                world.thief_used |= world.store < generation;
            }
            Action::Logout { all, trouble } => {
                let ask = if all { Ask::LogoutAll } else { Ask::Logout };
                let effect = self.objects.ask(world.object, ask, trouble);
                world.object = effect.object;
                world.durable = effect.durable;
                world.revoked = effect.reply == Reply::Revoked;
                if effect.reply == Reply::Unavailable && matches!(trouble, Trouble::BeforeCommit(_)) {
                    world.broken |= if effect.object == last.object { 0 } else { rules::FAULTS };
                }
            }
            Action::Crash => {
                world.object = world.durable.take()?;
            }
            Action::Sweep => {
                world.object = self.objects.ask(world.object, Ask::Sweep, Trouble::None).object;
                if self.objects.view(world.object).life == Life::Gone {
                    self.met.fetch_or(met::SWEPT, Ordering::Relaxed);
                    world.broken |= if world.created >= ABSOLUTE { 0 } else { rules::NOT_LOST };
                }
            }
        }
        Some(self.looked_at(world.sorted()))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn keeps<const BIT: usize>(_: &Play, world: &World) -> bool {
            world.broken & rules::ALL[BIT].0 == 0
        }
        macro_rules! all {
            ($($bit:literal)*) => { vec![$(Property::always(rules::ALL[$bit].1, keeps::<$bit>)),*] };
        }
        all![0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17]
    }
}
