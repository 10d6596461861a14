use super::*;
use crate::{
    ports::memory::{FaultMode, MemoryRecords},
    secrets::Master,
};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn masters() -> Masters {
    Masters::new(Master::derive(1, &[7; 32]).unwrap(), Vec::new())
}

struct Log {
    chain: AuditChain<MemoryRecords>,
    records: MemoryRecords,
}

impl Log {
    fn new() -> Self {
        let records = MemoryRecords::default();
        Self { chain: AuditChain::new(records.clone()), records }
    }

    fn append(&self, target: &str) -> AuditAnswer {
        let act = Act::new("root", "user_disable", target, "");
        self.chain.serve(AuditRequest::Append { act }, NOW, &masters())
    }

    fn page(&self, after: u64, limit: u16) -> Page {
        match self.chain.serve(AuditRequest::Page { after, limit }, NOW, &masters()) {
            AuditAnswer::Page(page) => page,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn entries_come_back_in_order_and_in_pages() {
    let log = Log::new();
    for number in 1..=7 {
        let AuditAnswer::Appended { head } = log.append(&number.to_string()) else { panic!() };
        assert_eq!(head.seq, number);
    }
    let (first, second) = (log.page(0, 5), log.page(5, 5));
    assert_eq!((first.entries.len(), second.entries.len(), second.last), (5, 2, 7));
    let head = verify_chain(Head::EMPTY, &first.entries, Some(&masters())).unwrap();
    let head = verify_chain(head, &second.entries, Some(&masters())).unwrap();
    assert_eq!(head.seq, 7);
    assert_eq!(log.page(7, 5).entries, []);
    assert_eq!(log.page(u64::MAX, 5).entries, []);
}

#[test]
fn when_storage_fails_nothing_is_appended_and_the_act_must_wait() {
    let log = Log::new();
    log.append("1");
    log.records.break_with(FaultMode::Down);
    assert!(matches!(log.append("2"), AuditAnswer::Unavailable { .. }));
    log.records.break_with(FaultMode::None);
    let AuditAnswer::Appended { head } = log.append("2") else { panic!() };
    assert_eq!(head.seq, 2);
}

#[test]
fn a_write_that_failed_half_way_does_not_end_the_log() {
    for mode in [FaultMode::FailAfterPersisting(0), FaultMode::FailCall(3)] {
        let log = Log::new();
        log.append("1");
        // The entry is written and its head is not.
        log.records.break_with(mode);
        assert!(matches!(log.append("2"), AuditAnswer::Unavailable { .. }), "{mode:?}");
        // And so once more: now the head of the entry before is written first.
        log.records.break_with(FaultMode::FailCall(5));
        assert!(matches!(log.append("3"), AuditAnswer::Unavailable { .. }), "{mode:?}");
        log.records.break_with(FaultMode::None);
        let AuditAnswer::Appended { head } = log.append("4") else { panic!("{mode:?}") };
        let page = log.page(0, 5);
        assert_eq!((head.seq, page.entries.len()), (4, 4), "{mode:?}");
        assert_eq!(verify_chain(Head::EMPTY, &page.entries, Some(&masters())).unwrap(), head);
    }
}

#[test]
fn an_older_head_put_back_writes_over_nothing() {
    let log = Log::new();
    log.append("1");
    log.append("2");
    log.records.remove(HEAD_KIND, HEAD_ID).unwrap();
    let before = log.records.snapshot();
    assert!(matches!(log.append("3"), AuditAnswer::Unavailable { .. }));
    assert_eq!(log.records.snapshot(), before);
}

#[test]
fn the_object_names_what_was_edited_in_its_storage() {
    let log = Log::new();
    (1..=5).for_each(|number| drop(log.append(&number.to_string())));
    let edit = |seq, from: &str, to: &str| {
        let text = log.records.read(ENTRY_KIND, &entry_id(seq)).unwrap().unwrap();
        log.records.write(ENTRY_KIND, &entry_id(seq), &text.replace(from, to)).unwrap();
    };
    edit(2, "root", "nobody");
    edit(3, "{", "");
    edit(4, "\"master\":1", "\"master\":2");
    let page = log.page(0, MAX_PAGE);
    assert_eq!((page.forged, page.unproved, page.entries.len()), (vec![2, 3], vec![4], 4));
}

#[test]
fn messages_format_unchanged() {
    let request = AuditRequest::Append { act: Act::new("root", "key_rotate", "", "force") };
    let text = r#"{"append":{"act":{"who":"root","action":"key_rotate","target":"","detail":"force","result":"requested","of":null,"request_id":null}}}"#;
    assert_eq!(serde_json::to_string(&request).unwrap(), text);
    assert_eq!(serde_json::from_str::<AuditRequest>(text).unwrap(), request);
    let answer = AuditAnswer::Page(Page { last: 3, ..Page::default() });
    let text = r#"{"page":{"entries":[],"last":3,"forged":[],"unproved":[]}}"#;
    assert_eq!(serde_json::to_string(&answer).unwrap(), text);
    assert_eq!(serde_json::from_str::<AuditAnswer>(text).unwrap(), answer);
}
