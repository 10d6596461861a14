//! A refresh token that was replaced is theft wherever it is presented.

use serde_json::json;

use super::world::{World, code, tokens};

fn log(world: &World) -> String {
    world.log.0.borrow().join("\n")
}

#[test]
fn a_logout_with_an_old_generation_is_reuse() {
    for path in ["/auth/logout", "/auth/logout-all"] {
        let world = World::new();
        let (other_access, other) = world.sign_in();
        let (_, first) = world.sign_in();
        let (_, second) = tokens(&world.refresh(&first));
        let (access, third) = tokens(&world.refresh(&second));
        let reply = world.call(path, &json!({"refresh_token": first}));
        assert_eq!((reply.status, code(&reply).as_str()), (401, "invalid_grant"), "{path}");
        let told = log(&world);
        assert!(told.contains(r#""event":"reuse_detected","distance":2"#), "{told}");
        assert!(!told.contains("signed_out"), "{told}");
        // Its family has ended, and no other.
        assert_eq!(code(&world.refresh(&third)), "invalid_grant");
        assert_eq!(world.gate("/strict", Some(&access)), Some(401));
        assert_eq!(world.gate("/strict", Some(&other_access)), None);
        assert_eq!(world.refresh(&other).status, 200);
    }
}

/// Row 4 of the table: whoever has the MAC key alone ends no session.
#[test]
fn a_logout_with_a_forged_token_ends_nothing() {
    use postern_app::{
        encoding::from_base64url,
        ids::{AccountId, FamilyId},
        refresh::{Secret, codec},
    };
    for path in ["/auth/logout", "/auth/logout-all"] {
        let world = World::new();
        let (_, refresh) = world.sign_in();
        let bytes = from_base64url(refresh.strip_prefix("prt_").unwrap()).unwrap();
        let account = AccountId::from_bytes(bytes[2..18].try_into().unwrap());
        let family = FamilyId::from_bytes(bytes[18..34].try_into().unwrap());
        let forged = codec::seal(world.master(), account, family, 0, &Secret::from_bytes([7; 32]));
        let reply = world.call(path, &json!({"refresh_token": forged.as_str()}));
        assert_eq!(code(&reply), "invalid_grant", "{path}");
        assert!(log(&world).contains(r#""event":"refresh_forged""#));
        assert_eq!(world.refresh(&refresh).status, 200, "{path}");
    }
}

#[test]
fn a_logout_with_what_a_lost_answer_left_ends_the_session() {
    for path in ["/auth/logout", "/auth/logout-all"] {
        let world = World::new();
        let (_, first) = world.sign_in();
        let (_, second) = tokens(&world.refresh(&first));
        world.pass(60);
        assert_eq!(world.call(path, &json!({"refresh_token": first})).status, 204, "{path}");
        assert_eq!(code(&world.refresh(&second)), "invalid_grant");
        // Over already: a second time is no error for the one session.
        let again = world.call(path, &json!({"refresh_token": first}));
        assert_eq!(again.status, if path == "/auth/logout" { 204 } else { 401 });
    }
}

#[test]
fn a_client_that_refreshes_too_fast_can_leave() {
    let world = World::with(&json!({"POSTERN_LIMITS": {"refresh_family": {"burst": 1, "per_minute": 1}}}));
    let (_, first) = world.sign_in();
    let (_, second) = tokens(&world.refresh(&first));
    assert_eq!(code(&world.refresh(&second)), "rate_limited");
    assert_eq!(world.call("/auth/logout", &json!({"refresh_token": second})).status, 204);
    assert_eq!(code(&world.refresh(&second)), "invalid_grant");
}
