use super::*;
use postern_jose::SignatureAlgorithm;

struct Fixed(u8);

impl Randomness for Fixed {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
        buffer.fill(self.0);
        Ok(())
    }
}

fn master(id: u8) -> Master {
    Master::derive(id, &[id; 32]).unwrap()
}

fn kid(byte: u8) -> Kid {
    Kid::from_bytes([byte; 32])
}

fn wrapped() -> WrappedKey {
    WrappedKey::seal(kid(9), SignatureAlgorithm::Es256, b"pkcs8", &master(1), &Fixed(3)).unwrap()
}

#[test]
fn a_wrapped_key_opens_under_its_master_current_or_former() {
    for masters in [Masters::new(master(1), vec![]), Masters::new(master(2), vec![master(1)])] {
        let key = wrapped().open(&masters).unwrap();
        assert_eq!(
            (key.kid(), key.algorithm(), key.pkcs8()),
            (kid(9), SignatureAlgorithm::Es256, &b"pkcs8"[..])
        );
    }
}

#[test]
fn wrapped_key_format_unchanged() {
    let record = r#"{"version":1,"kid":"CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk","alg":"ES256","master":1,"nonce":"AwMDAwMDAwMDAwMD","sealed":"CcjnaAsNo8hK5Lj2FsXpAN0zwtvG"}"#;
    assert_eq!(serde_json::to_string(&wrapped()).unwrap(), record);
    assert_eq!(serde_json::from_str::<WrappedKey>(record).unwrap(), wrapped());
}

#[test]
fn a_seal_moved_to_another_record_does_not_open() {
    let masters = Masters::new(master(1), vec![master(2)]);
    let broken = |wrapped: WrappedKey| wrapped.open(&masters).unwrap_err();
    assert_eq!(broken(WrappedKey { kid: kid(8), ..wrapped() }), WrapError::Broken { kid: kid(8) });
    let swapped = WrappedKey { alg: SignatureAlgorithm::EdDsa, ..wrapped() };
    assert_eq!(broken(swapped), WrapError::Broken { kid: kid(9) });
    assert_eq!(broken(WrappedKey { master: 2, ..wrapped() }), WrapError::Broken { kid: kid(9) });
    assert_eq!(broken(WrappedKey { master: 0, ..wrapped() }), WrapError::UnknownMaster { master: 0 });
    let newer = WrapError::NewerMaster(NewerMaster { id: 3 });
    assert_eq!(broken(WrappedKey { master: 3, ..wrapped() }), newer);
    assert_eq!(broken(WrappedKey { version: 2, ..wrapped() }), WrapError::UnknownVersion { version: 2 });
}

#[test]
fn one_changed_bit_anywhere_does_not_open_and_does_not_panic() {
    let masters = Masters::new(master(1), vec![]);
    for place in 0..wrapped().sealed.len() {
        let mut changed = wrapped();
        changed.sealed[place] ^= 1;
        assert!(changed.open(&masters).is_err());
    }
    for nonce in [vec![], vec![3; 11], vec![3; 13], vec![2; 12]] {
        assert!(WrappedKey { nonce, ..wrapped() }.open(&masters).is_err());
    }
    assert!(WrappedKey { sealed: vec![], ..wrapped() }.open(&masters).is_err());
}

#[test]
fn another_secret_under_the_same_master_id_is_recognised() {
    let other = Masters::new(Master::derive(1, &[99; 32]).unwrap(), vec![]);
    assert_eq!(wrapped().open(&other).unwrap_err(), WrapError::Broken { kid: kid(9) });
    assert_eq!(wrapped().rewrap(&other, &Fixed(4)), Ok(Err(WrapError::Broken { kid: kid(9) })));
}

#[test]
fn a_key_is_wrapped_again_under_a_new_master_once() {
    let masters = Masters::new(master(2), vec![master(1)]);
    let moved = wrapped().rewrap(&masters, &Fixed(4)).unwrap().unwrap().unwrap();
    assert_eq!(moved.master(), 2);
    assert_eq!(moved.rewrap(&masters, &Fixed(5)), Ok(Ok(None)));
    let without_former = Masters::new(master(2), vec![]);
    assert_eq!(moved.open(&without_former).unwrap().pkcs8(), b"pkcs8");
    let lost = wrapped().rewrap(&without_former, &Fixed(4)).unwrap();
    assert_eq!(lost, Err(WrapError::UnknownMaster { master: 1 }));
}

#[test]
fn neither_private_key_nor_seal_shows_in_debug_output() {
    let key = wrapped().open(&Masters::new(master(1), vec![])).unwrap();
    assert!(!format!("{key:?}").contains("pkcs8"), "{key:?}");
    assert!(!format!("{:?}", wrapped()).contains("sealed"));
}
