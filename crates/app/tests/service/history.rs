//! What was counted over time, as administrators read it.

use postern_app::http::Reply;
use serde_json::{Value, json};

use super::{
    browser::html,
    dashboard::administrator,
    world::{PASSWORD, World, code, tokens},
};

fn sign_in(world: &World) -> String {
    let body = json!({"login": "admin@example.com", "password": PASSWORD, "delivery": "body"});
    tokens(&world.call("/auth/login", &body)).0
}

fn history(world: &World, access_token: &str, query: &str) -> Value {
    let reply: Reply = world.call_as("GET", &format!("/admin/history{query}"), access_token);
    assert_eq!(reply.status, 200, "{}", code(&reply));
    serde_json::from_slice(&reply.body).unwrap()
}

// Two isolates, which send to different objects; one hour later.
#[test]
fn the_history_is_the_sum_over_isolates_and_objects() {
    let world = World::new();
    let access_token = sign_in(&world);
    let wrong = json!({"login": "alice@example.com", "password": "not this one", "delivery": "body"});
    world.call("/auth/login", &wrong);
    let other = world.elsewhere();
    other.call("/auth/login", &wrong);
    assert_eq!(
        history(&other, &access_token, "")["counts"]["sign_ins"]["success"],
        Value::Null,
        "not sent yet"
    );
    let hour = history(&world, &access_token, "?span=hour");
    let last = |line: &Value| line.as_array().unwrap().last().unwrap().as_u64().unwrap();
    assert_eq!(hour["step"], 60);
    assert_eq!(last(&hour["counts"]["sign_ins"]["success"]), 1);
    assert_eq!(last(&hour["counts"]["sign_ins"]["wrong_password"]), 2);
    assert!(last(&hour["counts"]["usage"]["own_requests"]) >= 4);
    world.pass(3600);
    let access_token = sign_in(&world);
    let hour = history(&world, &access_token, "");
    assert!(hour["counts"]["sign_ins"].get("wrong_password").is_none(), "an hour ago");
    let day = history(&world, &access_token, "?span=day");
    let sum = |line: &Value| line.as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>();
    assert_eq!(sum(&day["counts"]["sign_ins"]["wrong_password"]), 2);
    assert!(day["counted_since"].as_u64().unwrap() >= day["starts_at"].as_u64().unwrap());
}

#[test]
fn a_history_without_one_object_is_not_shown() {
    let world = World::new();
    let access_token = sign_in(&world);
    world.metrics.unreachable.set(true);
    let refused = world.call_as("GET", "/admin/history", &access_token);
    assert_eq!((refused.status, code(&refused)), (503, "unavailable".to_owned()));
}

// During a deployment: nothing failed, and there is something to wait for.
#[test]
fn objects_of_the_version_before_are_said_to_be_so() {
    let world = World::with(&json!({"POSTERN_ADMIN": {"dashboard": true}, "POSTERN_PAGES": {}}));
    let access_token = sign_in(&world);
    let mut browser = administrator(&world);
    world.metrics.is_former.set(true);
    let refused = world.call_as("GET", "/admin/history", &access_token);
    assert_eq!((refused.status, code(&refused)), (503, "unavailable".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("60"));
    let told =
        "The version before, which lacks this, still answers; try again when the deployment is complete";
    assert!(String::from_utf8_lossy(&refused.body).contains(told));
    let overview = html(&browser.get("/admin/ui/overview"));
    assert!(overview.contains(told) && overview.contains("All components answer."), "{overview}");
    assert_eq!(browser.get("/admin/ui/cost").status, 503);
    world.metrics.is_former.set(false);
    assert_eq!(world.call_as("GET", "/admin/history", &access_token).status, 200);
}

#[test]
fn the_span_of_a_history_is_one_of_three() {
    let world = World::new();
    let access_token = sign_in(&world);
    for query in ["?span=year", "?span=", "?span=hour&span=day", "?since=1"] {
        let refused = world.call_as("GET", &format!("/admin/history{query}"), &access_token);
        assert_eq!((refused.status, code(&refused)), (400, "invalid_parameter".to_owned()), "{query}");
    }
}
