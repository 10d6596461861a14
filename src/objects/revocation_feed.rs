//! The `RevocationFeed` object: one for each deployment.

use core::cell::OnceCell;

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::super::{
    isolate, log,
    records::SqlRecords,
    store::{Kv, Platform},
};
use postern_app::{
    ports::{Clock as _, Fault, Part},
    revocation::{Feed, FeedAnswer, FeedPolicy, FeedRequest},
    time::Timestamp,
};

/// Collects what was revoked, and publishes it to KV.
#[durable_object(alarm)]
pub struct RevocationFeed {
    state: State,
    env: Env,
    /// Kept between requests: it keeps what it has read.
    feed: OnceCell<Feed<SqlRecords>>,
}

impl DurableObject for RevocationFeed {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, feed: OnceCell::new() }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let answer = match super::message(request, Part::RevocationFeed).await {
            Ok(message) => self.serve(&message).await,
            Err(fault) => Err(fault),
        };
        super::answer(&answer.unwrap_or_else(|fault| {
            log::fault(&fault);
            FeedAnswer::Unavailable { cause: fault.cause }
        }))
    }

    async fn alarm(&self) -> worker::Result<Response> {
        super::rung(&self.state, self.ring().await).await
    }
}

impl RevocationFeed {
    fn feed(&self) -> Result<&Feed<SqlRecords>, Fault> {
        if let Some(feed) = self.feed.get() {
            return Ok(feed);
        }
        let records = super::records(&self.state)?;
        Ok(self.feed.get_or_init(|| Feed::new(records)))
    }

    fn policy(&self) -> Result<FeedPolicy, Fault> {
        let isolate =
            isolate::of(&self.env).map_err(|_| Fault::new(Part::RevocationFeed, "misconfigured"))?;
        Ok(isolate.feed_policy)
    }

    async fn serve(&self, message: &FeedRequest) -> Result<FeedAnswer, Fault> {
        let now = Platform.now();
        let served = self.feed()?.serve(message, now, &self.policy()?);
        self.set_alarm(served.alarm, now).await?;
        Ok(served.answer)
    }

    async fn ring(&self) -> Result<(), Fault> {
        let now = Platform.now();
        let alarmed = self.feed()?.alarm(now, &Kv(self.env.clone().into()), &self.policy()?).await;
        if let Some(fault) = &alarmed.fault {
            log::fault(fault);
        }
        if let Some(entries) = alarmed.overflow {
            log::feed_overflow(entries, now);
        }
        self.set_alarm(alarmed.next, now).await
    }

    async fn set_alarm(&self, at: Option<Timestamp>, now: Timestamp) -> Result<(), Fault> {
        match at {
            Some(at) => super::set_alarm(&self.state, at, now).await,
            None => Ok(()),
        }
    }
}
