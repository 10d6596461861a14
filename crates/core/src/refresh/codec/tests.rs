use super::*;
use postern_jose::encoding::{base64url, from_base64url};

const ACCOUNT: AccountId = AccountId::from_bytes([0xaa; 16]);
const FAMILY: FamilyId = FamilyId::from_bytes([0xbb; 16]);

fn master(id: u8) -> Master {
    Master::derive(id, &[id; 32]).unwrap()
}

fn masters(current: u8, former: &[u8]) -> Masters {
    Masters::new(master(current), former.iter().map(|id| master(*id)).collect())
}

fn token(id: u8, rotation_count: u32) -> String {
    seal(&master(id), ACCOUNT, FAMILY, rotation_count, &Secret::from_bytes([0xcc; 32]))
}

fn with_byte(text: &str, position: usize, change: impl Fn(u8) -> u8) -> String {
    let mut bytes = from_base64url(&text[PREFIX.len()..]).unwrap();
    bytes[position] = change(bytes[position]);
    [PREFIX, &base64url(&bytes)].concat()
}

#[test]
fn refresh_token_format_unchanged() {
    assert_eq!(
        token(7, 0x0102_0304),
        "prt_AQeqqqqqqqqqqqqqqqqqqqqqu7u7u7u7u7u7u7u7u7u7uwECAwTMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzK7nCw352T0FaDHaWGZbkyc"
    );
}

#[test]
fn an_opened_token_tells_what_was_sealed() {
    let opened = open(&masters(7, &[]), &token(7, 41)).unwrap();
    assert_eq!(
        (opened.account(), opened.family(), opened.rotation_count(), opened.master()),
        (ACCOUNT, FAMILY, 41, 7)
    );
    assert_eq!(opened.secret.bytes(), &[0xcc; 32]);
}

// Tests RFC 6749 section 10.4: a refresh token cannot be altered or guessed
#[test]
fn a_token_with_any_byte_changed_is_refused() {
    let genuine = token(7, 41);
    for position in 0..TOKEN_BYTES {
        for bit in 0..8 {
            let changed = with_byte(&genuine, position, |byte| byte ^ (1 << bit));
            let cause = open(&masters(7, &[9]), &changed).unwrap_err();
            let expected = match position {
                0 => vec![RefusedToken::Version],
                // A flipped master id may name another one that exists; then the MAC is wrong.
                1 => {
                    let master = 7 ^ (1 << bit);
                    let newer = RefusedToken::NewerMaster(NewerMaster { id: master });
                    vec![RefusedToken::UnknownMaster { master }, newer, RefusedToken::Mac]
                }
                _ => vec![RefusedToken::Mac],
            };
            assert!(expected.contains(&cause), "byte {position}: {cause:?}");
        }
    }
}

#[test]
fn a_mac_of_another_master_does_not_open_a_token() {
    let under_nine = seal(&Master { id: 7, ..master(9) }, ACCOUNT, FAMILY, 0, &Secret::from_bytes([1; 32]));
    assert_eq!(open(&masters(7, &[9]), &under_nine).unwrap_err(), RefusedToken::Mac);
}

#[test]
fn garbage_is_refused_by_its_cause() {
    let genuine = token(7, 41);
    let masters = masters(7, &[]);
    for (text, cause) in [
        (String::new(), RefusedToken::Length),
        ("prt_".to_owned(), RefusedToken::Length),
        (format!("{genuine}A"), RefusedToken::Length),
        (format!("{genuine}="), RefusedToken::Length),
        ("A".repeat(10_000_000), RefusedToken::Length),
        (genuine.replace("prt_", "PRT_"), RefusedToken::Prefix),
        (genuine.replace("prt_", "sec-"), RefusedToken::Prefix),
        (format!("{}é", &genuine[..TOKEN_CHARS - 2]), RefusedToken::Encoding),
        (format!("{} ", &genuine[..TOKEN_CHARS - 1]), RefusedToken::Encoding),
        // The last character carries two unused bits, which must be zero.
        (format!("{}B", &genuine[..TOKEN_CHARS - 1]), RefusedToken::Encoding),
    ] {
        assert_eq!(open(&masters, &text).unwrap_err(), cause, "{text:.130}");
    }
}

// After a change of the master secret.
#[test]
fn a_retry_seals_the_same_successor_after_a_new_master() {
    let before = masters(7, &[]);
    let after = masters(8, &[7]);
    let text = token(7, 41);
    let first = open(&before, &text).unwrap();
    let granted_master = first.present(&before).next_master;
    let successor = first.seal_successor(&before, granted_master).unwrap();
    let retried = open(&after, &text).unwrap();
    assert_eq!(retried.seal_successor(&after, granted_master).unwrap(), successor);
    assert_eq!(retried.present(&after).successor_hash, first.present(&before).successor_hash);
}

#[test]
fn a_token_moves_to_the_current_master_at_its_rotation() {
    let after = masters(8, &[7]);
    let old = open(&after, &token(7, 41)).unwrap();
    let presented = old.present(&after);
    let next = open(&masters(8, &[]), &old.seal_successor(&after, presented.next_master).unwrap()).unwrap();
    assert_eq!((next.master(), next.rotation_count()), (8, 42));
    assert_eq!(next.present(&after).secret_hash, presented.successor_hash);
}

// Its master secret is gone.
#[test]
fn a_successor_without_its_master_is_sealed_under_the_new() {
    let without_seven = masters(8, &[9]);
    let old = open(&without_seven, &token(9, 41)).unwrap();
    let next = open(&without_seven, &old.seal_successor(&without_seven, 7).unwrap()).unwrap();
    assert_eq!(next.master(), 8);
    assert_eq!(next.present(&without_seven).secret_hash, old.present(&without_seven).successor_hash);
}

#[test]
fn a_token_of_a_master_that_is_gone_is_refused() {
    assert_eq!(open(&masters(8, &[]), &token(7, 0)).unwrap_err(), RefusedToken::UnknownMaster { master: 7 });
}

#[test]
fn a_token_of_a_master_that_is_not_there_yet_is_not_judged() {
    let refused = open(&masters(7, &[6]), &token(8, 0)).unwrap_err();
    assert_eq!(refused, RefusedToken::NewerMaster(NewerMaster { id: 8 }));
}

#[test]
fn the_last_rotation_count_does_not_overflow() {
    let masters = masters(7, &[]);
    let last = open(&masters, &token(7, u32::MAX)).unwrap();
    assert_eq!(
        open(&masters, &last.seal_successor(&masters, 7).unwrap()).unwrap().rotation_count(),
        u32::MAX
    );
}

#[test]
fn an_opened_token_shows_no_secret_in_debug_output() {
    let text = format!("{:?}", open(&masters(7, &[]), &token(7, 41)).unwrap());
    assert!(
        text.contains("rotation_count: 41") && !text.contains("ecret") && !text.contains("204"),
        "{text}"
    );
}
