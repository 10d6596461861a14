use super::*;
use crate::secrets::Master;

pub(super) fn masters(id: u8, byte: u8) -> Masters {
    Masters::new(Master::derive(id, &[byte; 32]).unwrap(), Vec::new())
}

fn act(number: u64) -> Act {
    Act { of: number.checked_sub(1), ..Act::new("root", "user_disable", "alice", "asked by \"law\"\n") }
}

/// A chain of `length` entries.
pub(super) fn chain(length: u64, masters: &Masters) -> Vec<Sealed> {
    let mut head = Head::EMPTY;
    let entry = |number| {
        let sealed = head.seal(act(number), Timestamp::from_millis(1_700_000_000_000 + number), masters);
        head = sealed.head();
        sealed
    };
    (0..length).map(entry).collect()
}

fn flaw(entries: &[Sealed], masters: Option<&Masters>) -> Option<(u64, Flaw)> {
    verify_chain(Head::EMPTY, entries, masters).err().map(|broken| (broken.seq, broken.flaw))
}

#[test]
fn sealed_entry_format_unchanged() {
    let mut act = act(1);
    act.request_id = Some("8f1-ZRH".into());
    let sealed = Head { seq: 6, hash: Digest::from_bytes([3; 32]) }.seal(
        act,
        Timestamp::from_millis(1_700_000_000_123),
        &masters(1, 7),
    );
    let text = concat!(
        r#"{"entry":{"action":"user_disable","at":1700000000123,"detail":"asked by \"law\"�","master":1,"of":0,"#,
        r#""prev":"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM","request_id":"8f1-ZRH","result":"requested","seq":7,"#,
        r#""target":"alice","v":1,"who":"root"},"hash":"HASH","mac":"MAC"}"#
    );
    let hash = sealed.hash.to_string();
    let text = text.replace("HASH", &hash).replace("MAC", &sealed.mac.to_string());
    assert_eq!(serde_json::to_string(&sealed).unwrap(), text);
    assert_eq!(serde_json::from_str::<Sealed>(&text).unwrap(), sealed);
    // Computed by Python's json, hashlib and hmac from the same members.
    assert_eq!(hash, "KJ_ZqZ8uh4sgiDuTPM8J4HYQho9G7M8c4CfXGvJ_M9A");
    assert_eq!(sealed.mac.to_string(), "mzJh9rHP-m9A0Ca7lNyDjoDIEP2h2lHocQsGlUYZoCc");
}

#[test]
fn the_canonical_form_has_the_order_of_rfc_8785() {
    let sealed = Head::EMPTY.seal(act(1), Timestamp::default(), &masters(1, 7));
    let text = serde_json::to_string(&sealed.entry).unwrap();
    // serde_json's own map is ordered by name.
    let sorted: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&sorted).unwrap(), text);
}

#[test]
fn a_sound_chain_is_verified_page_by_page() {
    let masters = masters(1, 7);
    let entries = chain(10, &masters);
    let (first, second) = entries.split_at(4);
    let head = verify_chain(Head::EMPTY, first, Some(&masters)).unwrap();
    assert_eq!(head.seq, 4);
    assert_eq!(verify_chain(head, second, Some(&masters)).unwrap(), entries.last().unwrap().head());
    assert_eq!(verify_chain(Head::EMPTY, &[], None), Ok(Head::EMPTY));
}

// Of the same master secret.
#[test]
fn an_entry_of_a_second_chain_does_not_pass_for_the_first() {
    // Somebody put an old state back, let Postern go on from there, and joins the two.
    let masters = masters(1, 7);
    let entries = chain(4, &masters);
    let other = entries[0].head().seal(act(9), Timestamp::default(), &masters);
    let joined = [entries[0].clone(), other, entries[2].clone()];
    assert_eq!(flaw(&joined, Some(&masters)), Some((3, Flaw::Unlinked)));
}

#[test]
fn what_was_changed_removed_doubled_or_moved_is_located() {
    let masters = masters(1, 7);
    let entries = chain(6, &masters);
    let altered = |change: &dyn Fn(&mut Vec<Sealed>)| {
        let mut entries = entries.clone();
        change(&mut entries);
        flaw(&entries, Some(&masters))
    };
    let changed = altered(&|entries| entries[2].entry.who = "nobody".into());
    assert_eq!(changed, Some((3, Flaw::Changed)));
    assert_eq!(altered(&|entries| drop(entries.remove(2))), Some((3, Flaw::Sequence)));
    assert_eq!(altered(&|entries| entries.insert(2, entries[1].clone())), Some((3, Flaw::Sequence)));
    assert_eq!(altered(&|entries| entries.swap(2, 3)), Some((3, Flaw::Sequence)));
    assert_eq!(altered(&|entries| entries[2].entry.v = 2), Some((3, Flaw::Version)));
    assert_eq!(altered(&|entries| entries[2].mac = entries[1].mac), Some((3, Flaw::Forged)));
}

// A thief with the storage alone cannot rewrite the chain.
#[test]
fn an_edited_storage_shows_without_the_master_secret() {
    let (ours, theirs) = (masters(1, 7), masters(1, 8));
    let mut entries = chain(6, &ours);
    // Everything from the third entry on is written anew, with sound hashes.
    let mut head = entries[1].head();
    for sealed in &mut entries[2..] {
        let act = Act::new("somebody else", "user_disable", "alice", "");
        *sealed = head.seal(act, sealed.entry.at, &theirs);
        head = sealed.head();
    }
    assert_eq!(flaw(&entries, None), None, "hashes alone cannot tell");
    assert_eq!(flaw(&entries, Some(&ours)), Some((3, Flaw::Forged)));
    // Nor by naming a master that is not in force.
    let unknown = masters(9, 8);
    entries[2] = entries[1].head().seal(act(0), Timestamp::default(), &unknown);
    assert_eq!(flaw(&entries, Some(&ours)), Some((3, Flaw::UnknownMaster)));
}

// It was put back.
#[test]
fn an_older_state_shows_against_a_head_noted_elsewhere() {
    let masters = masters(1, 7);
    let entries = chain(6, &masters);
    let noted = entries[5].head();
    let head = verify_chain(Head::EMPTY, &entries[..4], Some(&masters)).unwrap();
    assert!(head.seq < noted.seq);
}

#[test]
fn the_texts_of_an_act_are_bounded_and_hold_no_line_break() {
    let act = Act::new(&"w".repeat(9999), "a", "line\nbreak", "");
    assert_eq!((act.who.len(), act.target.as_str()), (512, "line\u{fffd}break"));
}
