//! The `Account` Durable Object: one for each subject.

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::stubs::FeedStub;
use crate::{log, runtime::Runtime};
use postern_app::{
    account::{Account as Sessions, AccountAnswer, AlarmAction},
    ports::{Clock as _, Component, Fault},
};

/// Stores all refresh families of one subject and decides about them.
#[durable_object(alarm)]
#[derive(Debug)]
pub struct Account {
    state: State,
    env: Env,
}

impl DurableObject for Account {
    fn new(state: State, env: Env) -> Self {
        Self { state, env }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let answer = match super::message(request, Component::Account).await {
            Ok(message) => self.serve(&message).await,
            Err(fault) => Err(fault),
        };
        super::answer(&answer.unwrap_or_else(|fault| {
            log::fault(&fault);
            AccountAnswer::Unavailable { cause: fault.cause }
        }))
    }

    /// Sends ended sessions to the revocation feed, and removes expired records.
    async fn alarm(&self) -> worker::Result<Response> {
        super::rung(&self.state, self.ring().await).await
    }
}

impl Account {
    async fn ring(&self) -> Result<(), Fault> {
        let account = Sessions::new(super::records(&self.state)?);
        let (alarm, fault) = account.alarm(Runtime.now(), &FeedStub(self.env.clone().into())).await;
        if let Some(fault) = fault {
            log::fault(&fault);
        }
        self.keep_up(alarm).await
    }

    async fn serve(&self, message: &postern_app::account::AccountRequest) -> Result<AccountAnswer, Fault> {
        // Opened for each request, because erasing the account deletes the table, too.
        let served = Sessions::new(super::records(&self.state)?).serve(message, Runtime.now());
        self.keep_up(served.alarm).await?;
        Ok(served.answer)
    }

    async fn keep_up(&self, alarm: AlarmAction) -> Result<(), Fault> {
        match alarm {
            AlarmAction::Unchanged => Ok(()),
            AlarmAction::Alarm(at) => super::set_alarm(&self.state, at, Runtime.now()).await,
            AlarmAction::Empty => super::forget(&self.state).await,
        }
    }
}
