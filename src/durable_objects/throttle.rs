//! The `Throttle` Durable Object: one for each network, and one for each account that someone tries to sign in to.

use core::cell::Cell;

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use crate::{log, runtime::Runtime};
use postern_app::ports::{Clock as _, Component, Fault};
use postern_core::throttle::{Throttle as Limits, ThrottleAnswer, ThrottleRequest, object::SWEEP_EVERY};

/// Counts attempts and failures exactly, for the whole deployment.
#[durable_object(alarm)]
#[derive(Debug)]
pub struct Throttle {
    state: State,
    /// Whether the alarm is known to be set. The object reads it from storage once in an instance's life.
    armed: Cell<bool>,
}

impl DurableObject for Throttle {
    fn new(state: State, _env: Env) -> Self {
        Self { state, armed: Cell::new(false) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let answer = match super::message(request, Component::Throttle).await {
            Ok(message) => self.serve(&message).await,
            Err(fault) => Err(fault),
        };
        super::answer(&answer.unwrap_or_else(|fault| {
            log::fault(&fault);
            ThrottleAnswer::Unavailable { cause: fault.cause }
        }))
    }

    /// Removes records that no longer limit anything.
    async fn alarm(&self) -> worker::Result<Response> {
        self.armed.set(false);
        let left = super::records(&self.state).and_then(|records| Limits::new(records).sweep(Runtime.now()));
        let done = match left {
            Ok(true) => self.arm().await,
            Ok(false) => super::forget(&self.state).await,
            Err(fault) => Err(fault),
        };
        super::rung(&self.state, done).await
    }
}

impl Throttle {
    async fn serve(&self, message: &ThrottleRequest) -> Result<ThrottleAnswer, Fault> {
        // Opened for each request, because the sweep deletes the table, too.
        let answer = Limits::new(super::records(&self.state)?).serve(message, Runtime.now());
        if !self.armed.get() {
            let set = self.state.storage().get_alarm().await;
            if set.map_err(|error| Fault::new(Component::Storage, error))?.is_none() {
                self.arm().await?;
            }
            self.armed.set(true);
        }
        Ok(answer)
    }

    async fn arm(&self) -> Result<(), Fault> {
        let now = Runtime.now();
        super::set_alarm(&self.state, now.plus(SWEEP_EVERY), now).await
    }
}
