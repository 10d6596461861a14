//! The id of a request and its trace, from the client through the log to the origin.

use super::world::World;
use postern_app::{http::PlainRequest, service::Outcome};
use serde_json::{Value, json};

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn world(traces: &Value) -> World {
    World::with(&json!({"POSTERN_TRACES": traces}))
}

fn request(path: &str, headers: &[(&str, &str)]) -> PlainRequest {
    let request =
        PlainRequest::new("GET", &format!("http://localhost:8787{path}")).with("cf-ray", "8f1c2d3e-VIE");
    headers.iter().fold(request, |request, (name, value)| request.with(name, value))
}

/// The headers about the request and its trace that the origin gets.
fn told(world: &World, headers: &[(&str, &str)]) -> Vec<(String, String)> {
    let request = request("/open", headers);
    let Outcome::Forward(forward) = world.decided(&request) else { panic!("refused") };
    let plan = forward.headers;
    let kept = headers
        .iter()
        .filter(|(name, _)| !plan.remove.iter().any(|gone| gone == name))
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    kept.chain(plan.fresh).collect()
}

/// The trace of the last line of the log, after a refusal of a request with these headers.
fn logged(world: &World, headers: &[(&str, &str)]) -> Value {
    let Outcome::Reply(reply) =
        world.decided(&request("/orders", headers).with("authorization", "Bearer a.b.c"))
    else {
        panic!("forwarded")
    };
    assert_eq!(reply.status, 401);
    let lines = world.log.0.borrow();
    let event: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert_eq!(event["request_id"], "8f1c2d3e-VIE");
    event["trace_id"].clone()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const ID: (&str, &str) = ("x-postern-request-id", "8f1c2d3e-VIE");

// Tests W3C Trace Context section "Processing Model": a service that only forwards a trace leaves it unchanged
#[test]
fn a_callers_trace_passes_unchanged_and_is_in_the_log() {
    for traces in [json!({}), json!({"sampled_percent": 100})] {
        let world = world(&traces);
        let sent = [("traceparent", CALLER), ("tracestate", "congo=t61rcWkgMzE,rojo=1")];
        assert_eq!(told(&world, &sent), pairs(&[sent[0], sent[1], ID]));
        assert_eq!(logged(&world, &sent), TRACE);
    }
}

// Tests W3C Trace Context section 3.2.4: of an invalid traceparent nothing passes
#[test]
fn an_invalid_trace_ends_at_the_gate() {
    let world = world(&json!({}));
    let state = ("tracestate", "congo=t61rcWkgMzE");
    for sent in [
        &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"), state][..],
        &[("traceparent", CALLER), ("traceparent", CALLER), state],
        &[state],
        &[],
    ] {
        assert_eq!(told(&world, sent), pairs(&[ID]), "{sent:?}");
        assert_eq!(logged(&world, sent), Value::Null);
    }
}

// Tests W3C Trace Context section "Denial of Service": callers' traces can be kept out, so that none of them decides what is recorded
#[test]
fn a_trace_begins_where_there_is_none_that_counts() {
    let world = world(&json!({"from_callers": false, "sampled_percent": 100}));
    let begun = told(&world, &[]);
    let [(name, traceparent), id] = begun.as_slice() else { panic!("{begun:?}") };
    assert_eq!((name.as_str(), (id.0.as_str(), id.1.as_str())), ("traceparent", ID));
    assert!(traceparent.starts_with("00-") && traceparent.ends_with("-01"), "{traceparent}");
    let sent = [("traceparent", CALLER), ("tracestate", "congo=t61rcWkgMzE")];
    assert_eq!(told(&world, &sent), begun, "the caller's has no effect");
    assert_eq!(logged(&world, &sent), traceparent.split('-').nth(1).unwrap());
}

#[test]
fn every_answer_of_our_own_endpoints_names_its_request() {
    let world = World::new();
    let own = |path: &str| pollster::block_on(world.service().own(&request(path, &[]), b""));
    for (path, status) in [("/healthz", 200), ("/auth/me", 401), ("/auth/nothing", 404)] {
        let reply = own(path);
        assert_eq!((reply.status, reply.header(ID.0)), (status, Some(ID.1)), "{path}");
    }
    assert_eq!(own("/.well-known/jwks.json").header(ID.0), None, "a cache would give it to others");
}

// ATTACK: a client names the request as it likes.
#[test]
fn a_client_cannot_choose_the_id_that_the_origin_gets() {
    let world = World::new();
    assert_eq!(told(&world, &[("x-postern-request-id", "forged")]), pairs(&[ID]));
}
