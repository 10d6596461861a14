//! Administrative acts, and what happens when their log is down.

use pollster::block_on;
use postern_app::{
    audit::{
        Act, ActResult, AuditLog as _,
        chain::{Head, verify_chain},
    },
    ports::Component,
    web::caller::Caller,
};

use super::world::World;

fn act() -> Act {
    Act::new("root", "user_disable", "alice", "")
}

#[test]
fn an_act_is_logged_before_it_is_done_and_after() {
    let world = World::new();
    let (service, caller) = (world.service(), Caller::default());
    let announced = block_on(service.announce(&caller, act())).unwrap();
    assert_eq!(block_on(world.audit_log.page(0, 10)).unwrap().entries.len(), 1);
    block_on(service.conclude(&caller, announced, ActResult::Done));

    let entries = block_on(world.audit_log.page(0, 10)).unwrap().entries;
    let told: Vec<_> = entries.iter().map(|sealed| (sealed.entry.result, sealed.entry.of)).collect();
    assert_eq!(told, [(ActResult::Requested, None), (ActResult::Done, Some(1))]);
    let head = verify_chain(Head::EMPTY, &entries, None).unwrap();
    // The log of events is the second place that knows the head.
    let line = world.log.0.borrow().last().unwrap().clone();
    assert!(line.contains(&format!(r#""seq":2,"hash":"{}""#, head.hash)), "{line}");
}

#[test]
fn while_the_audit_log_is_down_no_act_is_permitted() {
    let world = World::new();
    world.audit_log.unreachable.set(true);
    let refused = block_on(world.service().announce(&Caller::default(), act())).unwrap_err();
    assert_eq!(refused.part, Component::AuditLog);
    assert!(world.log.0.borrow().iter().all(|line| !line.contains("admin_action")));
}

// And a fault is logged.
#[test]
fn an_act_whose_end_cannot_be_logged_stays_requested() {
    let world = World::new();
    let (service, caller) = (world.service(), Caller::default());
    let announced = block_on(service.announce(&caller, act())).unwrap();
    world.audit_log.unreachable.set(true);
    block_on(service.conclude(&caller, announced, ActResult::Done));
    let line = world.log.0.borrow().last().unwrap().clone();
    assert!(line.contains(r#""event":"fault","part":"audit_log""#), "{line}");
    world.audit_log.unreachable.set(false);
    let entries = block_on(world.audit_log.page(0, 10)).unwrap().entries;
    assert_eq!(entries.len(), 1);
}
