//! The headers by which the upstream's log and traces are joined with Postern's.

use crate::{
    gateway::{HeaderPlan, encode_value},
    http::{REQUEST_ID_HEADER, RequestView},
    trace::{TRACEPARENT, TRACESTATE, Trace, TraceRules},
    web::caller::request_id,
};

/// Adds the id of the request, and the trace that begins here. A caller's trace stays as it is, or is removed.
pub(crate) fn add(plan: &mut HeaderPlan, rules: TraceRules, request: &impl RequestView) {
    let (traceparent, request_id) = (request.header(TRACEPARENT), request_id(request));
    let trace = rules.trace(traceparent.as_deref(), request_id.as_deref());
    if !matches!(trace, Trace::OfCaller(_)) {
        for (name, is_there) in
            [(TRACEPARENT, traceparent.is_some()), (TRACESTATE, request.header(TRACESTATE).is_some())]
        {
            if is_there {
                plan.remove.push(name.to_owned());
            }
        }
    }
    if let Trace::Started(_, traceparent) = trace {
        plan.fresh.push((TRACEPARENT.to_owned(), traceparent));
    }
    if let Some(id) = request_id {
        plan.fresh.push((REQUEST_ID_HEADER.to_owned(), encode_value(&id)));
    }
}
