//! One thread that runs futures in an order drawn from the seed, over a simulated clock.
//!
//! Time stands still while anything can go on, and then jumps to the next timer. A task belongs to a group, the memory of
//! one isolate or object: [`Executor::kill`] drops all of a group at once, between two of their awaits.

use core::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};
use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Wake,
};

use crate::dice::Dice;

/// How often tasks may go on while the time stands still. Beyond it, something wakes itself for ever.
const MOST_AT_ONCE: u32 = 200_000;
/// What [`Executor::run`] panics with then.
pub(crate) const STANDS_STILL: &str = "the time stands still: something goes on for ever";

/// The memory that a task belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group(u64);

type Work = Pin<Box<dyn Future<Output = ()>>>;
type Ready = Arc<Mutex<Vec<u64>>>;

struct Task {
    group: Group,
    signal: Arc<Signal>,
    /// Not there while it is polled.
    work: Option<Work>,
}

/// Wakes one task.
struct Signal {
    task: u64,
    queued: AtomicBool,
    ready: Ready,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.ready.lock().unwrap_or_else(PoisonError::into_inner).push(self.task);
        }
    }
}

/// The scheduler and its clock.
pub(crate) struct Executor {
    /// Milliseconds since the beginning.
    now: Cell<u64>,
    numbers: Cell<u64>,
    dice: Dice,
    ready: Ready,
    tasks: RefCell<BTreeMap<u64, Task>>,
    timers: RefCell<BTreeMap<(u64, u64), Waker>>,
}

impl Executor {
    pub(crate) fn new(dice: Dice) -> Rc<Self> {
        Rc::new(Self {
            now: Cell::new(0),
            numbers: Cell::new(0),
            dice,
            ready: Ready::default(),
            tasks: RefCell::default(),
            timers: RefCell::default(),
        })
    }

    /// True time, in milliseconds since the beginning. No machine sees it.
    pub(crate) fn now(&self) -> u64 {
        self.now.get()
    }

    fn number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    pub(crate) fn group(&self) -> Group {
        Group(self.number())
    }

    /// Begins a task; its number is for [`Self::cancel`].
    pub(crate) fn spawn(&self, group: Group, work: impl Future<Output = ()> + 'static) -> u64 {
        let task = self.number();
        let signal =
            Arc::new(Signal { task, queued: AtomicBool::new(false), ready: Arc::clone(&self.ready) });
        let entry = Task { group, signal: Arc::clone(&signal), work: Some(Box::pin(work)) };
        self.tasks.borrow_mut().insert(task, entry);
        signal.wake();
        task
    }

    /// Drops one task, if it is there.
    pub(crate) fn cancel(&self, task: u64) {
        let gone = self.tasks.borrow_mut().remove(&task);
        drop(gone);
    }

    /// How many tasks a group has.
    pub(crate) fn tasks_in(&self, group: Group) -> usize {
        self.tasks.borrow().values().filter(|task| task.group == group).count()
    }

    /// Drops all tasks.
    pub(crate) fn clear(&self) {
        let gone = self.tasks.take();
        drop(gone);
        self.timers.take();
    }

    /// Drops every task of the group. The one that calls this stops at its next await.
    pub(crate) fn kill(&self, group: Group) {
        let mut gone = Vec::new();
        self.tasks.borrow_mut().retain(|_, task| {
            let stays = task.group != group;
            if !stays {
                gone.push(task.work.take());
            }
            stays
        });
        // Only now: what a future holds may spawn, wake, or kill when it is dropped.
        drop(gone);
    }

    /// Runs until nothing is left to do before `end`.
    ///
    /// # Panics
    /// With [`STANDS_STILL`], if the time does not go on.
    pub(crate) fn run(&self, end: u64) {
        let (mut since, mut polls) = (self.now(), 0);
        loop {
            polls = if self.now() == since { polls + 1 } else { 0 };
            since = self.now();
            assert!(polls < MOST_AT_ONCE, "{STANDS_STILL}");
            let next = {
                let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
                let chosen = self.dice.below(ready.len());
                if ready.is_empty() { None } else { Some(ready.swap_remove(chosen)) }
            };
            match next {
                Some(task) => self.poll(task),
                None if self.jump(end) => {}
                None => break,
            }
        }
        self.now.set(self.now.get().max(end));
    }

    /// Goes on to the next timer.
    fn jump(&self, end: u64) -> bool {
        let mut timers = self.timers.borrow_mut();
        let Some((&key, _)) = timers.first_key_value() else { return false };
        if key.0 > end {
            return false;
        }
        let waker = timers.remove(&key);
        drop(timers);
        self.now.set(self.now.get().max(key.0));
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    fn poll(&self, number: u64) {
        let (signal, mut work) = {
            let mut tasks = self.tasks.borrow_mut();
            let Some(task) = tasks.get_mut(&number) else { return };
            let Some(work) = task.work.take() else { return };
            (Arc::clone(&task.signal), work)
        };
        signal.queued.store(false, Ordering::Relaxed);
        let waker = Waker::from(signal);
        let done = work.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut tasks = self.tasks.borrow_mut();
        if done {
            tasks.remove(&number);
        } else if let Some(task) = tasks.get_mut(&number) {
            task.work = Some(work);
            return;
        }
        drop(tasks);
        drop(work);
    }

    pub(crate) fn sleep(self: &Rc<Self>, millis: u64) -> Sleep {
        Sleep { executor: Rc::clone(self), at: self.now().saturating_add(millis), key: None }
    }
}

/// Ready when its time has come.
pub(crate) struct Sleep {
    executor: Rc<Executor>,
    at: u64,
    key: Option<(u64, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.executor.now() >= self.at {
            return Poll::Ready(());
        }
        let key = self.key.unwrap_or_else(|| (self.at, self.executor.number()));
        self.key = Some(key);
        self.executor.timers.borrow_mut().insert(key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.executor.timers.borrow_mut().remove(&key);
        }
    }
}

/// The result, or `None` after `millis`; then the future is dropped.
pub(crate) async fn within<T>(
    executor: &Rc<Executor>,
    millis: u64,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = pin!(work);
    let mut late = pin!(executor.sleep(millis));
    poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        late.as_mut().poll(context).map(|()| None)
    })
    .await
}

struct Slot<T> {
    value: Option<T>,
    closed: bool,
    waker: Option<Waker>,
}

/// The end of a channel for one value that gives it. Dropped without, the other end learns that there is none.
pub(crate) struct Giver<T>(Rc<RefCell<Slot<T>>>);

/// The end that takes the value.
pub(crate) struct Taker<T>(Rc<RefCell<Slot<T>>>);

pub(crate) fn channel<T>() -> (Giver<T>, Taker<T>) {
    let slot = Rc::new(RefCell::new(Slot { value: None, closed: false, waker: None }));
    (Giver(Rc::clone(&slot)), Taker(slot))
}

impl<T> Giver<T> {
    pub(crate) fn give(self, value: T) {
        self.0.borrow_mut().value = Some(value);
    }
}

impl<T> Drop for Giver<T> {
    fn drop(&mut self) {
        let waker = {
            let mut slot = self.0.borrow_mut();
            slot.closed = true;
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Taker<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = self.0.borrow_mut();
        if slot.value.is_some() || slot.closed {
            return Poll::Ready(slot.value.take());
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
