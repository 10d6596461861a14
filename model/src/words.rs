//! States and actions in words, for the trace of a counterexample.

use crate::{
    object::{Agent, Generation, TICK, Trouble},
    records::{Life, View},
    world::{Action, Play, Tab, World},
};

impl Play {
    /// An action in words.
    pub(crate) fn name(&self, before: &World, action: Action) -> String {
        let view = self.objects.view(before.object);
        let asked = |at: usize| match before.tabs.get(at) {
            Some(Tab::Asking { generation, .. } | Tab::Answered { generation, .. }) => {
                token(view, *generation)
            }
            _ => String::new(),
        };
        match action {
            Action::Tick => format!("{} s pass", TICK.as_secs()),
            Action::Send(_) => format!("a tab sends {}", token(view, before.store)),
            Action::Deliver(at, Trouble::None) => format!("the request with {} arrives", asked(at)),
            Action::Deliver(at, trouble) => {
                format!("the request with {} arrives, fault {trouble:?}", asked(at))
            }
            Action::DeliverCopy(_) => "a copy of a request arrives".to_owned(),
            Action::Lose(at) => format!("the network loses the message with {}", asked(at)),
            Action::Copy(at) => format!("the network copies the request with {}", asked(at)),
            Action::Receive(at) => format!("the device receives and stores {}", asked(at)),
            Action::UseAndCrash(_) => {
                "the device uses the access token, and crashes before it stores".to_owned()
            }
            Action::Confirm => "the gate confirms the device's access token".to_owned(),
            Action::Steal(Agent::Owner) => "a thief copies the device's token and program".to_owned(),
            Action::Steal(Agent::Other) => {
                "a thief with another program copies the device's token".to_owned()
            }
            Action::ThiefRefresh { lost } => format!(
                "the thief presents {}{}",
                before.thief.map_or_else(String::new, |thief| token(view, thief.generation)),
                if lost { ", the answer is lost" } else { "" },
            ),
            Action::ThiefConfirm => "the gate confirms the thief's access token".to_owned(),
            Action::Logout { .. } | Action::Crash | Action::Sweep => format!("{action:?}"),
        }
    }

    /// Describes a state for a trace: tokens by what they are to the object.
    pub(crate) fn describe(&self, world: &World) -> String {
        let view = self.objects.view(world.object);
        let name = |generation| token(view, generation);
        let object = match view.life {
            Life::Alive { age, confirmed, late, run, .. } => format!(
                "alive, rotated {} s ago, {}{}{}",
                u64::from(age) * TICK.as_secs(),
                if confirmed { "confirmed" } else { "unconfirmed" },
                if late > 0 { format!(", {late} late retries") } else { String::new() },
                if run > 0 { format!(", {run} late-only rotations") } else { String::new() },
            ),
            Life::Ended { reuse: true } => "ENDED by reuse".to_owned(),
            Life::Ended { reuse: false } => "ended".to_owned(),
            Life::Gone => "removed".to_owned(),
        };
        let mut parts = vec![format!("object {object}"), format!("device has {}", name(world.store))];
        for tab in &world.tabs {
            match tab {
                Tab::Idle => {}
                Tab::Asking { generation, .. } => parts.push(format!("a request with {}", name(*generation))),
                Tab::Answered { generation, .. } => {
                    parts.push(format!("an answer with {}", name(*generation)));
                }
            }
        }
        parts.extend(world.copies.iter().map(|(generation, _)| format!("a copy with {}", name(*generation))));
        if let Some(thief) = world.thief {
            parts.push(format!("thief has {}", name(thief.generation)));
        }
        if world.revoked {
            parts.push("revocation answered".to_owned());
        }
        parts.join("; ")
    }
}

/// What a token is to the object.
fn token(view: View, generation: Generation) -> String {
    match view.count.checked_sub(generation) {
        Some(0) => "the current token".to_owned(),
        Some(1) => "the parent".to_owned(),
        Some(distance) => format!("a token {distance} behind"),
        None => "a token ahead of the object".to_owned(),
    }
}
