//! The `RevocationFeed` Durable Object: one for each deployment.

use core::{
    cell::{Cell, OnceCell},
    time::Duration,
};

use std::rc::Rc;

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::{records::SqlRecords, stubs::MetricsStubs};
use crate::{isolate, kv::Kv, log, runtime::Runtime};
use postern_app::{
    metrics::{MetricFamily, flush},
    ports::{Clock as _, Component, Fault},
    revocation::{Feed, FeedAnswer, FeedRequest},
    service::Isolate,
    time::Timestamp,
};

/// How often the object flushes its counters. It flushes at once after a failed write. A busy feed is written every second,
/// which is too often for a flush.
const FLUSH_INTERVAL: Duration = Duration::from_mins(1);

/// Collects revocations, and publishes the feed to KV.
#[durable_object(alarm)]
pub struct RevocationFeed {
    state: State,
    env: Env,
    /// Kept between requests, because it caches the records that it has read.
    feed: OnceCell<Feed<SqlRecords>>,
    /// The time of the alarm that was set last.
    alarm_at: Cell<Timestamp>,
    flushed_at: Cell<Timestamp>,
}

impl DurableObject for RevocationFeed {
    fn new(state: State, env: Env) -> Self {
        let (alarm_at, flushed_at) = (Cell::default(), Cell::default());
        Self { state, env, feed: OnceCell::new(), alarm_at, flushed_at }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let answer = match super::message(request, Component::RevocationFeed).await {
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

    fn isolate(&self) -> Result<Rc<Isolate>, Fault> {
        isolate::of(&self.env)
            .map_err(|_| Fault::new(Component::RevocationFeed, "the configuration is not valid"))
    }

    async fn serve(&self, message: &FeedRequest) -> Result<FeedAnswer, Fault> {
        let now = Runtime.now();
        let served = self.feed()?.serve(message, now, &self.isolate()?.feed_policy);
        if let Some(at) = served.alarm {
            self.set_alarm(at, now).await?;
        }
        Ok(served.answer)
    }

    async fn ring(&self) -> Result<(), Fault> {
        let now = Runtime.now();
        self.alarm_at.take();
        let isolate = self.isolate()?;
        let kv = Kv(self.env.clone().into());
        let alarmed = self.feed()?.alarm(now, &kv, &isolate.feed_key, &isolate.feed_policy).await;
        if let Some(written) = alarmed.written {
            let result = if written { "success" } else { "failure" };
            isolate.counters.add(MetricFamily::FeedWrites, result, "");
        }
        if let Some(fault) = &alarmed.fault {
            log::fault(fault);
        }
        if let Some(entries) = alarmed.overflow {
            log::feed_overflow(entries, now);
        }
        if alarmed.written == Some(false) || now.is_due(self.flushed_at.get(), FLUSH_INTERVAL) {
            self.flushed_at.set(now);
            self.flush(&isolate).await;
        }
        self.set_alarm(alarmed.next, now).await
    }

    /// Flushes the counters. The object can be alone in its isolate, where no request would do it.
    async fn flush(&self, isolate: &Isolate) {
        let shards = MetricsStubs(self.env.clone().into());
        let dataset = isolate.config.metrics.dataset.as_deref();
        if let Err(fault) = flush(&isolate.counters, &Runtime, &shards, dataset).await {
            log::fault(&fault);
        }
    }

    async fn set_alarm(&self, at: Timestamp, now: Timestamp) -> Result<(), Fault> {
        // Every message has an alarm time, and setting an alarm is a write. An alarm that rings early enough stays.
        let known = self.alarm_at.get();
        if now < known && known <= at {
            return Ok(());
        }
        super::set_alarm(&self.state, at, now).await?;
        self.alarm_at.set(at);
        Ok(())
    }
}
