//! Attacks on sign-in, sessions, accounts and administration, each by its name.

use pollster::block_on;
use postern_app::{
    audit::AuditLog as _,
    events::EventContext,
    http::{PlainRequest, Reply},
    identity::{ADMIN_SCOPE, Grants, GrantsOrder, IdentityStore as _, Login, UserChange, seed},
    ids::{AccountId, DeviceId},
    ports::memory::FaultMode,
    web::body::MAX_BODY_BYTES,
};
use postern_core::throttle::device;
use serde_json::{Value, json};

use super::world::{PASSWORD, START, World, code, tokens};

const LOGIN: &str = "alice@example.com";
const ALICE: AccountId = seed::ALICE.account;
const NEW_PASSWORD: &str = "a new and better passphrase";

fn sign_in(world: &World, login: &str, password: &str) -> Reply {
    world.call("/auth/login", &json!({"login": login, "password": password, "delivery": "body"}))
}

/// A reset token that reached a mailbox.
fn stolen_mail(world: &World) -> String {
    assert_eq!(world.call("/auth/password/reset-request", &json!({"login": LOGIN})).status, 202);
    world.settle();
    world.services.token()
}

fn reset(world: &World, token: &str) -> Reply {
    world.call("/auth/password/reset", &json!({"token": token, "new_password": "the thief's own password"}))
}

// The thief reads the owner's mailbox.
#[test]
fn a_stolen_reset_token_is_void_after_a_password_change() {
    let world = World::new();
    let (access, _) = world.sign_in();
    let token = stolen_mail(&world);
    let change = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
    assert_eq!(world.post_as(&access, "/auth/password", &change).status, 204);
    assert_eq!(code(&reset(&world, &token)), "invalid_one_time_token");
    assert_eq!(sign_in(&world, LOGIN, NEW_PASSWORD).status, 200);
    // Nor does it keep the owner from asking for another one.
    world.pass(60);
    let token = stolen_mail(&world);
    assert_eq!(reset(&world, &token).status, 204);
}

// A thief who reads the mailbox sets no password for the time after that.
#[test]
fn a_reset_token_is_void_after_the_user_is_reenabled() {
    let world = World::new();
    world.sign_in();
    let token = stolen_mail(&world);
    let service = world.service();
    assert_eq!(block_on(service.set_disabled(ALICE, true, EventContext::default())), Ok(true));
    assert_eq!(code(&reset(&world, &token)), "invalid_one_time_token");
    assert_eq!(block_on(service.set_disabled(ALICE, false, EventContext::default())), Ok(true));
    assert_eq!(code(&reset(&world, &token)), "invalid_one_time_token");
    assert_eq!(sign_in(&world, LOGIN, PASSWORD).status, 200);
}

// Even when the Account object does not know that the user is disabled.
#[test]
fn a_reset_token_serves_no_disabled_user() {
    let world = World::new();
    world.sign_in();
    let token = stolen_mail(&world);
    // By SQL, as an operator without the API does it.
    world.identity.amend(ALICE, |user| user.disabled = true);
    assert_eq!(code(&reset(&world, &token)), "invalid_one_time_token");
    world.identity.amend(ALICE, |user| user.disabled = false);
    assert_eq!(sign_in(&world, LOGIN, PASSWORD).status, 200);
}

// The browser is not signed out.
#[test]
fn a_stale_token_in_the_body_keeps_the_good_cookie() {
    let world = World::new();
    let login = json!({"login": LOGIN, "password": PASSWORD});
    let reply = world.call("/auth/login", &login);
    let cookie = reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let refused = |body: &Value| {
        let request = PlainRequest::new("POST", "http://localhost:8787/auth/refresh")
            .with("content-type", "application/json")
            .with("cookie", &cookie);
        block_on(world.service().own(&request, body.to_string().as_bytes()))
    };
    let reply = refused(&json!({"refresh_token": "prt_stale"}));
    assert_eq!(code(&reply), "invalid_grant");
    assert_eq!(reply.header("set-cookie"), None);
}

#[test]
fn an_administrator_made_in_secret_is_in_the_audit_log() {
    let world = World::new();
    let (access, _) = tokens(&sign_in(&world, "admin@example.com", PASSWORD));
    // Behind so many other scopes that what is cut off would hide it.
    let mut scopes: Vec<String> = (0..60).map(|number| format!("read:{}{number}", "x".repeat(40))).collect();
    scopes.push(ADMIN_SCOPE.to_owned());
    let login = "back.door@example.com";
    let add = json!({"login": login, "password": NEW_PASSWORD, "scopes": scopes, "roles": ["auditor"]});
    assert_eq!(world.post_as(&access, "/admin/users", &add).status, 201);
    let path = format!("/admin/users/{ALICE}/grants");
    let request = PlainRequest::new("PUT", &format!("http://localhost:8787{path}"))
        .with("content-type", "application/json")
        .with("authorization", &format!("Bearer {access}"));
    let grants = json!({"scopes": scopes, "tenant_id": "acme"});
    let reply = block_on(world.service().own(&request, grants.to_string().as_bytes()));
    assert_eq!(reply.status, 200);

    let entries = block_on(world.audit_log.page(0, 10)).unwrap().entries;
    let told: Vec<_> = entries.iter().map(|sealed| &sealed.entry).collect();
    assert_eq!(told.len(), 4);
    for entry in &told {
        assert!(
            entry.detail.starts_with(r#"scopes ["postern:admin","#),
            "{}: {}",
            entry.action,
            entry.detail
        );
        assert!(!entry.target.is_empty(), "{}", entry.action);
    }
    assert_eq!((told[0].action.as_str(), told[2].action.as_str()), ("user_add", "user_grants"));
    // Who it was leads to the event of the very user, and nowhere without the master secret.
    assert!(!told[0].target.contains('@'));
    let log = world.log.0.borrow();
    let made = log.iter().find(|line| line.contains(r#""event":"registered""#)).unwrap();
    let stand_in = told[0].target.strip_prefix("login ").unwrap();
    assert!(made.contains(&format!(r#""login":"{stand_in}""#)), "{made}");
    assert!(log.iter().all(|line| !line.contains(login)));
}

// Two administrators change one user at once.
#[test]
fn racing_grant_changes_leave_no_session_with_lost_grants() {
    let world = World::new();
    let grants = |scopes: &[&str]| Grants {
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        roles: Vec::new(),
        tenant_id: Some("acme".to_owned()),
    };
    world.sign_in();
    let service = world.service();
    // The other one grants more, and the user signs in with it.
    let user = block_on(world.identity.find(ALICE)).unwrap().unwrap();
    let others = UserChange::Grants {
        credential_version: user.credential_version,
        grants: grants(&["read:orders", "refund"]),
    };
    block_on(world.identity.change(ALICE, &others, START)).unwrap();
    let (_, refresh) = world.sign_in();
    let kept = GrantsOrder::Set(grants(&["read:orders", "write:orders"]));
    assert!(block_on(service.set_grants(ALICE, &kept, EventContext::default())).unwrap().is_some());
    assert_eq!(code(&world.refresh(&refresh)), "invalid_grant");
}

#[test]
fn a_receipt_that_the_account_could_not_store_is_told_again() {
    let world = World::new();
    let (_, refresh) = world.sign_in();
    let (access, _) = tokens(&world.refresh(&refresh));
    world.accounts.records(ALICE).break_with(FaultMode::Down);
    assert_eq!(world.gate("/orders", Some(&access)), None);
    world.settle();
    world.accounts.records(ALICE).break_with(FaultMode::None);
    assert_eq!(world.gate("/orders", Some(&access)), None);
    world.settle();
    world.pass(120);
    assert_eq!(code(&world.refresh(&refresh)), "invalid_grant", "the thief's parent token");
}

#[test]
fn a_sign_in_that_comes_too_late_is_told_as_a_refused_sign_in() {
    let world = World::new();
    world.sign_in();
    block_on(world.service().set_disabled(ALICE, true, EventContext::default())).unwrap();
    // The password was checked before that.
    world.identity.amend(ALICE, |user| {
        user.disabled = false;
        user.credential_version = 0;
    });
    world.log.0.borrow_mut().clear();
    assert_eq!(code(&world.try_sign_in()), "invalid_credentials");
    let log = world.log.0.borrow().join("\n");
    assert!(log.contains(r#""event":"sign_in_refused","cause":"credentials_stale""#), "{log}");
    assert!(!log.contains("refresh_refused"), "{log}");
}

// The id is that of another user.
#[test]
fn an_import_row_with_a_taken_id_is_not_the_next_rows_user() {
    let world = World::new();
    let (access, _) = tokens(&sign_in(&world, "admin@example.com", PASSWORD));
    let hash = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
    let row = |login: &str, id: &str| json!({"login": login, "password_hash": hash, "sub": id});
    let own = AccountId::from_bytes([9; 16]).to_string();
    let rows = json!([row("ann@example.com", &ALICE.to_string()), row("ann@example.com", &own)]);
    let reply = world.post_as(&access, "/admin/users/import", &json!({ "rows": rows }));
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((&body["created"], &body["existing"], &body["refused"]), (&json!(1), &json!(0), &json!(1)));
    assert_eq!(body["rows"][0]["code"], "login_taken");
    assert_eq!(body["rows"][1], json!({"status": "created", "sub": own}));
}

#[test]
fn an_erased_account_leaves_no_device_cookie_behind() {
    let world = World::new();
    let (access, _) = world.sign_in();
    let reply = world.post_as(&access, "/auth/account/delete", &json!({"password": PASSWORD}));
    assert_eq!(reply.status, 204);
    let gone: Vec<_> = reply.headers.iter().filter(|(name, _)| name == "set-cookie").collect();
    assert!(gone.iter().all(|(_, cookie)| cookie.contains("Max-Age=0")), "{gone:?}");
    assert!(gone.iter().any(|(_, cookie)| cookie.starts_with("__Secure-postern_device=;")), "{gone:?}");
}

// From an operator.
#[test]
fn many_known_devices_do_not_hide_a_lock_of_the_account() {
    let world = World::with(&json!({"POSTERN_LIMITS": {"devices_lock": {"lock_after": 100}}}));
    world.sign_in();
    let login = Login::parse(LOGIN, &world.platform).unwrap();
    for device in 0..60 {
        // As if he had signed in sixty times, when he still knew the password.
        let device_token = device::issue(world.master(), DeviceId::from_bytes([device; 16]), &login, START);
        let guess = json!({"login": LOGIN, "password": "a guess", "device_token": device_token});
        assert_eq!(code(&world.call("/auth/login", &guess)), "invalid_credentials");
    }
    world.pass(60);
    for _ in 0..5 {
        assert_eq!(code(&sign_in(&world, LOGIN, "a guess")), "invalid_credentials");
    }
    world.pass(1);
    let (access, _) = tokens(&sign_in(&world, "admin@example.com", PASSWORD));
    let reply = world.call_as("GET", "/admin/throttle?login=alice@example.com", &access);
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    let rows = body["rows"].as_array().unwrap();
    let strangers = rows.iter().find(|row| row["whose"] == "account").expect("the row of strangers");
    assert!(strangers["locked_until"].as_u64().unwrap() > START.seconds(), "{strangers}");
}

/// A sign-in with the token of Alice's device of this number.
fn from_device(world: &World, login: &str, password: &str, device: u8) -> Reply {
    let known = Login::parse(login, &world.platform).unwrap();
    let device_token = device::issue(world.master(), DeviceId::from_bytes([device; 16]), &known, START);
    let body =
        json!({"login": login, "password": password, "delivery": "body", "device_token": device_token});
    world.call("/auth/login", &body)
}

/// How many of the events say that a password was tried and was wrong.
fn tried(world: &World) -> usize {
    world.log.0.borrow().iter().filter(|line| line.contains("wrong_password")).count()
}

// Strangers have five besides.
#[test]
fn a_hoard_of_device_tokens_is_worth_twenty_guesses() {
    let world = World::new();
    world.sign_in();
    world.settle();
    world.pass(60);
    // Somebody who knew the password has signed in a hundred times, before it was changed.
    for device in 0..100 {
        for _ in 0..5 {
            from_device(&world, LOGIN, "a guess", device);
        }
    }
    assert_eq!(tried(&world), 25);
    let mut within_a_day = 0;
    for _ in 0..24 {
        world.pass(3600);
        for device in 0..100 {
            from_device(&world, LOGIN, "a guess", device);
        }
        within_a_day = tried(&world) - 25;
    }
    assert!((24..=60).contains(&within_a_day), "{within_a_day}");
}

// Of the owner.
#[test]
fn a_stolen_device_token_does_not_spoil_other_devices() {
    let world = World::new();
    world.sign_in();
    // For a day, as often as it is answered.
    for _ in 0..24 * 12 {
        world.pass(300);
        from_device(&world, LOGIN, "a guess", 1);
        from_device(&world, LOGIN, "a guess", 1);
    }
    for _ in 0..9 {
        sign_in(&world, LOGIN, "a stranger locks the account");
    }
    assert_eq!(code(&sign_in(&world, LOGIN, PASSWORD)), "rate_limited");
    assert_eq!(from_device(&world, LOGIN, PASSWORD, 2).status, 200);
}

#[test]
fn a_device_token_that_is_spent_is_never_worse_than_none() {
    let limits = json!({"POSTERN_LIMITS": {"devices_lock": {"lock_after": 1}, "login_known_ip": "off"}});
    let world = World::with(&limits);
    world.sign_in();
    assert_eq!(code(&from_device(&world, LOGIN, "a guess", 1)), "invalid_credentials");
    // No known device of the account is one any more; strangers have not failed.
    assert_eq!(from_device(&world, LOGIN, PASSWORD, 2).status, 200);
}

// It does not keep the Worker hashing.
#[test]
fn an_address_with_many_known_devices_is_limited() {
    let limits = json!({"POSTERN_LIMITS": {"login_known_ip": {"per_minute": 6, "burst": 10}}});
    let world = World::with(&limits);
    let statuses: Vec<u16> =
        (0..60).map(|n| from_device(&world, &format!("own{n}@example.com"), "x", n).status).collect();
    // Ten as known devices, and then what strangers get at one address: twenty.
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 30);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 30);
    assert_eq!(from_device(&world, LOGIN, PASSWORD, 1).status, 429);
    world.pass(10);
    assert_eq!(from_device(&world, LOGIN, PASSWORD, 1).status, 200);
}

fn change(world: &World, access: &str, current: &str, new: &str) -> Reply {
    world.post_as(access, "/auth/password", &json!({"current_password": current, "new_password": new}))
}

// A thief and strangers have locked the owner out.
#[test]
fn a_reset_lets_a_locked_out_owner_in() {
    let world = World::new();
    let (stolen, _) = world.sign_in();
    world.settle();
    world.pass(60);
    for _ in 0..5 {
        assert_eq!(code(&change(&world, &stolen, "a guess", NEW_PASSWORD)), "wrong_password");
        assert_eq!(code(&sign_in(&world, LOGIN, "a guess")), "invalid_credentials");
        world.settle();
    }
    // The rate would admit one more of each, the locks do not.
    world.pass(13);
    assert_eq!(code(&sign_in(&world, LOGIN, PASSWORD)), "invalid_credentials");
    world.pass(13);
    assert_eq!(code(&change(&world, &stolen, PASSWORD, NEW_PASSWORD)), "rate_limited");
    let token = stolen_mail(&world);
    let owner = json!({"token": token, "new_password": NEW_PASSWORD});
    assert_eq!(world.call("/auth/password/reset", &owner).status, 204);
    // At once: this isolate does not go on refusing what it remembers.
    let (access, _) = tokens(&sign_in(&world, LOGIN, NEW_PASSWORD));
    assert_eq!(change(&world, &access, NEW_PASSWORD, PASSWORD).status, 204);
}

#[test]
fn the_right_password_again_and_again_locks_nobody() {
    let world = World::new();
    let (access, _) = world.sign_in();
    for round in 0..8 {
        let both = [PASSWORD, NEW_PASSWORD];
        let (current, new) = (both[round % 2], both[(round + 1) % 2]);
        assert_eq!(change(&world, &access, current, new).status, 204, "{round}");
        world.settle();
        world.pass(60);
    }
}

// The session was not ended.
#[test]
fn a_disabled_users_open_session_changes_no_password() {
    let world = World::new();
    let (access, _) = world.sign_in();
    world.identity.amend(ALICE, |user| user.disabled = true);
    assert_eq!(code(&change(&world, &access, PASSWORD, NEW_PASSWORD)), "invalid_token");
}

#[test]
fn the_other_sessions_end_before_a_password_changes() {
    let world = World::new();
    let (access, _) = world.sign_in();
    // After the two reads that tell whether the session lives.
    world.accounts.records(ALICE).break_with(FaultMode::FailCall(2));
    assert_eq!(change(&world, &access, PASSWORD, NEW_PASSWORD).status, 503);
    assert_eq!(sign_in(&world, LOGIN, PASSWORD).status, 200);
}

#[test]
fn taking_the_tenant_away_ends_the_sessions_that_have_it() {
    let world = World::new();
    let (_, refresh) = world.sign_in();
    let scopes = ["read:orders", "write:orders"].map(str::to_owned).to_vec();
    let grants = GrantsOrder::Set(Grants { scopes, roles: Vec::new(), tenant_id: Some("other".to_owned()) });
    assert!(block_on(world.service().set_grants(ALICE, &grants, EventContext::default())).unwrap().is_some());
    assert_eq!(code(&world.refresh(&refresh)), "invalid_grant");
}

#[test]
fn the_last_administrator_cannot_be_the_one_who_goes() {
    let world = World::new();
    let (access, _) = tokens(&sign_in(&world, "admin@example.com", PASSWORD));
    let own = seed::ADMIN.account;
    for (method, path) in [("PUT", "/grants"), ("POST", "/disable"), ("DELETE", "")] {
        let reply = world.call_as(method, &format!("/admin/users/{own}{path}"), &access);
        assert_eq!((reply.status, code(&reply).as_str()), (409, "own_account"), "{method} {path}");
    }
}

#[test]
fn a_stranger_cannot_make_the_worker_read_a_megabyte() {
    let world = World::new();
    let request = PlainRequest::new("PUT", "http://localhost:8787/admin/routes")
        .with("content-length", "1000000")
        .with("authorization", "Bearer garbage");
    assert_eq!(block_on(world.service().body_limit(&request)), MAX_BODY_BYTES);
    let (alice, _) = world.sign_in();
    let as_user = |access: &str| {
        let request = PlainRequest::new("PUT", "http://localhost:8787/admin/routes")
            .with("content-length", "1000000")
            .with("authorization", &format!("Bearer {access}"));
        block_on(world.service().body_limit(&request))
    };
    assert_eq!(as_user(&alice), MAX_BODY_BYTES);
    let (admin, _) = tokens(&sign_in(&world, "admin@example.com", PASSWORD));
    assert_eq!(as_user(&admin), 1024 * 1024);
}

#[test]
fn a_page_of_the_audit_log_that_ends_with_the_log_is_the_last() {
    let world = World::new();
    let (access, _) = tokens(&sign_in(&world, "admin@example.com", PASSWORD));
    assert_eq!(world.call_as("POST", &format!("/admin/users/{ALICE}/enable"), &access).status, 204);
    let next = |limit| {
        let reply = world.call_as("GET", &format!("/admin/audit?limit={limit}"), &access);
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        body["next"].as_str().map(str::to_owned)
    };
    assert_eq!((next(1), next(2)), (Some("1".to_owned()), None));
}

#[test]
fn login_csrf_by_a_browser_that_hides_the_origin_is_refused() {
    let world = World::new();
    let request = PlainRequest::new("POST", "http://localhost:8787/auth/login")
        .with("content-type", "application/json")
        .with("sec-fetch-site", "cross-site");
    let body = json!({"login": LOGIN, "password": PASSWORD}).to_string();
    assert_eq!(code(&block_on(world.service().own(&request, body.as_bytes()))), "cross_origin");
}

// By logout everywhere.
#[test]
fn a_refresh_token_from_a_backup_ends_no_other_session() {
    let world = World::new();
    let (_, found) = world.sign_in();
    let (_, refresh) = world.sign_in();
    assert_eq!(world.call("/auth/logout", &json!({"refresh_token": found})).status, 204);
    assert_eq!(code(&world.call("/auth/logout-all", &json!({"refresh_token": found}))), "invalid_grant");
    assert_eq!(world.refresh(&refresh).status, 200);
}

// An alarm has tightened its limit.
#[test]
fn an_operator_sees_and_clears_a_tightened_network() {
    let world = World::new();
    let (access, _) = tokens(&sign_in(&world, "admin@example.com", PASSWORD));
    world.settle();
    for guess in 0..24 {
        if guess == 12 {
            world.pass(40);
        }
        assert_eq!(code(&sign_in(&world, &format!("nobody{guess}"), "a guess")), "invalid_credentials");
    }
    let rows = || {
        let reply = world.call_as("GET", "/admin/throttle?ip=0.0.0.0", &access);
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        body["rows"].as_array().unwrap().clone()
    };
    let seen = rows();
    let network = seen.iter().find(|row| row["whose"] == "network").unwrap();
    assert!(network["tightened_until"].is_u64() && network["locked_until"].is_null(), "{network}");
    let left = network["buckets"][0]["left"].as_u64().unwrap();
    assert!((1..25).contains(&left), "{network}");
    assert!(seen.iter().any(|row| row["whose"] == "ip" && row["failures"] == 24), "{seen:?}");
    let clear = world.post_as(&access, "/admin/throttle/clear", &json!({"ip": "0.0.0.0"}));
    assert_eq!(clear.status, 204);
    assert_eq!(rows(), Vec::<Value>::new());
}

#[test]
fn a_lifted_limit_is_lifted_at_once_where_it_was_ordered() {
    let world = World::new();
    let (admin, _) = tokens(&sign_in(&world, "admin@example.com", PASSWORD));
    let (access, _) = world.sign_in();
    for _ in 0..5 {
        assert_eq!(code(&change(&world, &access, "a guess", NEW_PASSWORD)), "wrong_password");
    }
    assert_eq!(code(&change(&world, &access, PASSWORD, NEW_PASSWORD)), "rate_limited");
    let clear = world.post_as(&admin, "/admin/throttle/clear", &json!({"login": LOGIN}));
    assert_eq!(clear.status, 204);
    assert_eq!(change(&world, &access, PASSWORD, NEW_PASSWORD).status, 204);
}
