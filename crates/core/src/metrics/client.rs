//! The Metrics objects as the Worker calls them: one method for each request.

use super::{
    messages::{Batch, MetricsAnswer, MetricsRequest, Totals},
    span::Span,
};
use crate::ports::{Component, Fault};
use postern_jose::time::Timestamp;

/// The Metrics objects, seen from the Worker.
///
/// Every method fails with a [`Fault`] of [`Component::Metrics`] when the object cannot be reached, when its storage failed
/// ([`MetricsAnswer::Unavailable`]), or when its answer is of another kind than the request. Every call may be repeated.
#[expect(async_fn_in_trait, reason = "one thread: no caller needs a Send bound")]
pub trait MetricsShards {
    /// Sends one message to the object of this number. A [`Fault`] is transport, or an answer that cannot be read. Callers
    /// use the methods below.
    async fn ask(&self, shard: u8, request: &MetricsRequest) -> Result<MetricsAnswer, Fault>;

    /// Writes a data point, as JSON, to the Analytics Engine data set bound under this name.
    fn write_point(&self, dataset: &str, point: &str) -> Result<(), Fault>;

    /// Adds a batch to the object's totals. The object counts each batch once, however often it comes.
    async fn add(&self, shard: u8, batch: Batch) -> Result<(), Fault> {
        match self.ask(shard, &MetricsRequest::Add { batch }).await? {
            MetricsAnswer::Added => Ok(()),
            other => Err(misplaced(other)),
        }
    }

    /// The totals of one object.
    async fn totals(&self, shard: u8) -> Result<Totals, Fault> {
        match self.ask(shard, &MetricsRequest::Read).await? {
            MetricsAnswer::Totals { series } => Ok(series),
            other => Err(misplaced(other)),
        }
    }

    /// The history of one object: values by series and bucket, and as `at` since when all is counted.
    async fn history(&self, shard: u8, span: Span, until: Timestamp) -> Result<Totals, Fault> {
        match self.ask(shard, &MetricsRequest::History { step: span.step(), until }).await? {
            MetricsAnswer::Totals { series } => Ok(series),
            other => Err(misplaced(other)),
        }
    }
}

fn misplaced(answer: MetricsAnswer) -> Fault {
    match answer {
        MetricsAnswer::Unavailable { cause } => Fault::new(Component::Metrics, cause),
        _ => Fault::misplaced(Component::Metrics),
    }
}
