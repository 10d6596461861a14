use core::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll, Waker},
};
use pollster::block_on;
use postern_core::ports::{
    CacheHeaders,
    memory::{FaultMode, MemoryRecords},
};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const ID: &str = "https://app.example/client.json";

/// The network, whose answers are set by the test, which counts, and which can hang.
#[derive(Default)]
struct Internet {
    answers: RefCell<BTreeMap<String, Document>>,
    fetched: RefCell<Vec<String>>,
    hangs: Cell<bool>,
}

impl Internet {
    fn serves(&self, url: &str, status: u16, media_type: &str, body: &str) {
        let document = Document {
            status,
            content_type: Some(media_type.to_owned()),
            body: body.as_bytes().to_vec(),
            cache: CacheHeaders { cache_control: Some("max-age=1800".to_owned()), ..CacheHeaders::default() },
        };
        self.answers.borrow_mut().insert(url.to_owned(), document);
    }

    fn serves_client(&self, id: &str, name: &str) {
        self.serves(id, 200, "application/json", &sound(id, name));
    }

    fn fetches(&self) -> usize {
        self.fetched.borrow().len()
    }
}

impl DocumentSource for &'static Internet {
    async fn fetch(
        &self,
        url: &str,
        accept: &'static str,
        max_bytes: usize,
        timeout_ms: u32,
    ) -> Result<Document, Fault> {
        assert_eq!((accept, max_bytes, timeout_ms), ("application/json", 5120, 5000));
        self.fetched.borrow_mut().push(url.to_owned());
        poll_fn(|_| if self.hangs.get() { Poll::Pending } else { Poll::Ready(()) }).await;
        let found = self.answers.borrow().get(url).cloned();
        let mut document = found.ok_or_else(|| Fault::new(Component::Issuer, "the name does not resolve"))?;
        document.body.truncate(max_bytes + 1);
        Ok(document)
    }
}

fn sound(id: &str, name: &str) -> String {
    format!(
        r#"{{"client_id":"{id}","client_name":"{name}","redirect_uris":["https://app.example/callback"]}}"#
    )
}

type Object = ClientDocuments<MemoryRecords, &'static Internet>;

fn object() -> (Object, MemoryRecords, &'static Internet) {
    // A test's own: it ends with the program.
    let internet: &'static Internet = Box::leak(Box::default());
    let records = MemoryRecords::default();
    internet.serves_client(ID, "An app");
    (ClientDocuments::new(records.clone(), internet, Network::StrictlyPublic), records, internet)
}

fn later(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn ask(object: &Object, client_id: &str, fetch: bool, now: Timestamp) -> ClientDocumentAnswer {
    let request = ClientDocumentRequest::Read { client_id: client_id.to_owned(), fetch };
    block_on(object.serve(&request, now))
}

fn read(object: &Object, now: Timestamp) -> ClientDocumentAnswer {
    ask(object, ID, true, now)
}

/// The name of the client, and the failure of the fetch.
fn name(answer: &ClientDocumentAnswer) -> (String, Option<FetchFailure>) {
    let ClientDocumentAnswer::Document { text, failure, .. } = answer else { panic!("{answer:?}") };
    let client: serde_json::Value = serde_json::from_str(text).unwrap();
    (client["client_name"].as_str().unwrap().to_owned(), *failure)
}

/// How the answer is none, the details, and after how long to come back.
fn none(answer: &ClientDocumentAnswer) -> (NoDocument, &str, u32) {
    let ClientDocumentAnswer::Unavailable { cause, why, retry_after } = answer else { panic!("{answer:?}") };
    (*cause, why, *retry_after)
}

// Tests Client ID Metadata Document section 5.2: a document is kept as long as its headers say
#[test]
fn a_document_is_fetched_again_when_it_is_old() {
    let (object, records, internet) = object();
    assert_eq!(name(&read(&object, NOW)), ("An app".to_owned(), None));
    internet.serves_client(ID, "Another name");
    // Another instance of the object, which knows the record alone.
    let reborn = ClientDocuments::new(records, internet, Network::StrictlyPublic);
    assert_eq!(name(&read(&reborn, later(1799))).0, "An app");
    assert_eq!(internet.fetches(), 1);
    assert_eq!(name(&read(&reborn, later(1800))).0, "Another name");
    assert_eq!(internet.fetches(), 2);
}

#[test]
fn an_old_document_serves_for_a_day_when_its_host_fails() {
    let (object, records, internet) = object();
    read(&object, NOW);
    internet.answers.borrow_mut().clear();
    assert_eq!(name(&read(&object, later(1800))), ("An app".to_owned(), Some(FetchFailure::Network)));
    // The next requests do not wait for the host, and report nothing.
    assert_eq!(name(&read(&object, later(1859))), ("An app".to_owned(), None));
    assert_eq!(internet.fetches(), 2);
    internet.serves(ID, 404, "text/html", "gone");
    let last = 1800 + 86_400 - 1;
    assert_eq!(name(&read(&object, later(last))), ("An app".to_owned(), Some(FetchFailure::Status(404))));
    let reborn = ClientDocuments::new(records, internet, Network::StrictlyPublic);
    assert_eq!(none(&read(&reborn, later(last + 1))).0, NoDocument::Failed(FetchFailure::Status(404)));
    internet.serves_client(ID, "Back");
    assert_eq!(name(&read(&reborn, later(last + 62))), ("Back".to_owned(), None));
}

// Tests Client ID Metadata Document section 5.2: no error is cached as a document
// Tests Client ID Metadata Document section 5: no redirect is followed, and 200 is the only success
#[test]
fn an_answer_that_is_no_document_is_refused_and_not_kept() {
    let other = "https://app.example/other.json";
    let long = format!("{}{}", sound(ID, "An app"), " ".repeat(5 << 20));
    for (status, media_type, body, cause, why) in [
        (302, "application/json", &*sound(ID, "An app"), FetchFailure::Redirected, "302"),
        (404, "application/json", &*sound(ID, "An app"), FetchFailure::Status(404), ""),
        (500, "application/json", &*sound(ID, "An app"), FetchFailure::Status(500), ""),
        (203, "application/json", &*sound(ID, "An app"), FetchFailure::Status(203), ""),
        (200, "application/json", &*long, FetchFailure::TooLarge, "over 5120 bytes"),
        (200, "text/html; charset=utf-8", &*sound(ID, "An app"), FetchFailure::MediaType, "text/html"),
        (200, "application/jsonp", &*sound(ID, "An app"), FetchFailure::MediaType, "application/jsonp"),
        (200, "application/json", "<html>", FetchFailure::Malformed, "not JSON"),
        (200, "application/json", &*sound(other, "An app"), FetchFailure::Malformed, "client_id is another"),
        (200, "application/json", &*sound(ID, ""), FetchFailure::Malformed, "client_name must be 1 to 60"),
    ] {
        let (object, records, internet) = object();
        internet.serves(ID, status, media_type, body);
        let answer = read(&object, NOW);
        let (no_document, said, retry_after) = none(&answer);
        assert_eq!((no_document, retry_after), (NoDocument::Failed(cause), 60));
        assert!(said.starts_with(ID) && said.contains(why), "{said}");
        assert_eq!(records.writes(), 0);
    }
    let (object, _, internet) = object();
    for media_type in ["Application/JSON;charset=utf-8", "application/cimd+json"] {
        internet.serves(ID, 200, media_type, &sound(ID, "An app"));
        assert_eq!(name(&read(&object, NOW)).0, "An app");
    }
}

// The attack: made-up ids, each of which makes the deployment fetch something.
#[test]
fn a_client_that_fails_costs_one_fetch_a_minute() {
    let (object, _, internet) = object();
    internet.answers.borrow_mut().clear();
    for second in [0, 1, 59] {
        assert_eq!(none(&read(&object, later(second))).0, NoDocument::Failed(FetchFailure::Network));
    }
    assert_eq!(none(&read(&object, later(20))).2, 40, "the rest of the minute");
    assert_eq!(internet.fetches(), 1);
    read(&object, later(60));
    assert_eq!(internet.fetches(), 2);
}

#[test]
fn a_flood_of_ids_makes_a_bounded_number_of_fetches() {
    let (object, _, internet) = object();
    let limited = |client_id: &str, now| {
        let answer = ask(&object, client_id, true, now);
        let ClientDocumentAnswer::Unavailable { cause, .. } = answer else { panic!("{answer:?}") };
        cause == NoDocument::TooManyFetches
    };
    // Of one host.
    let refused = (0..100).filter(|n| limited(&format!("https://victim.example/{n}"), NOW)).count();
    assert_eq!((refused, internet.fetches()), (90, 10));
    // Of many hosts.
    let refused = (0..1000).filter(|n| limited(&format!("https://h{n}.example/c"), NOW)).count();
    assert_eq!((refused, internet.fetches()), (950, 60));
    assert!(limited(ID, NOW));
    // One that is known meanwhile is fetched again all the same.
    assert_eq!(name(&read(&object, later(61))).0, "An app");
    (0..1000).for_each(|n| assert!(limited(&format!("https://x{n}.example/c"), later(1900)) || n < 60));
    internet.serves_client(ID, "Renamed");
    assert_eq!(name(&read(&object, later(1900))).0, "Renamed");
    assert!(object.failures.borrow().len() <= 120 && object.hosts.borrow().len() <= 120);
}

#[test]
fn without_leave_to_fetch_a_copy_serves_and_nothing_is_fetched() {
    let (object, _, internet) = object();
    assert_eq!(none(&ask(&object, ID, false, NOW)).0, NoDocument::Unknown);
    assert_eq!(internet.fetches(), 0);
    read(&object, NOW);
    assert_eq!(name(&ask(&object, ID, false, later(80_000))).0, "An app");
    assert_eq!(none(&ask(&object, ID, false, later(90_000))).0, NoDocument::Unknown);
    assert_eq!(internet.fetches(), 1);
}

#[test]
fn an_id_that_must_not_be_fetched_is_not_fetched() {
    let (object, _, internet) = object();
    for id in ["https://localhost/c", "http://app.example/c", "https://app.example/", "https://10.0.0.1/c"] {
        assert_eq!(none(&ask(&object, id, true, NOW)).0, NoDocument::Failed(FetchFailure::UnsafeUrl));
    }
    assert_eq!(internet.fetches(), 0);
}

// The attack: an id below the deployment's own zone, which the platform would fetch past the gate.
#[test]
fn nothing_is_fetched_past_the_public_internet() {
    let (_, records, internet) = object();
    let object = ClientDocuments::new(records, internet, Network::MayBypass);
    let answer = read(&object, NOW);
    assert_eq!(none(&answer).0, NoDocument::Failed(FetchFailure::NotPublic));
    assert!(none(&answer).1.contains("global_fetch_strictly_public"));
    assert_eq!(internet.fetches(), 0);
}

#[test]
fn requests_that_come_together_share_one_fetch() {
    let (object, _, internet) = object();
    internet.hangs.set(true);
    let request = ClientDocumentRequest::Read { client_id: ID.to_owned(), fetch: true };
    let mut context = Context::from_waker(Waker::noop());
    let mut first = pin!(object.serve(&request, NOW));
    let mut second = pin!(object.serve(&request, NOW));
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    // Another client does not wait for this one's host.
    let other = "https://other.example/c";
    internet.hangs.set(false);
    internet.serves_client(other, "Another app");
    assert_eq!(name(&ask(&object, other, true, NOW)).0, "Another app");
    for request in [first, second] {
        assert_eq!(name(&block_on(request)).0, "An app");
    }
    assert_eq!(internet.fetches(), 2);
}

#[test]
fn a_fetch_that_is_cut_off_does_not_hold_up_the_next() {
    let (object, _, internet) = object();
    internet.hangs.set(true);
    let request = ClientDocumentRequest::Read { client_id: ID.to_owned(), fetch: true };
    {
        let mut first = pin!(object.serve(&request, NOW));
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    internet.hangs.set(false);
    assert_eq!(name(&read(&object, NOW)).0, "An app");
}

#[test]
fn an_object_keeps_a_bounded_number_of_documents() {
    let (object, records, internet) = object();
    for n in 0..MAX_KEPT as u64 + 5 {
        let id = format!("https://h{n}.example/c");
        internet.serves_client(&id, "x");
        assert_eq!(name(&ask(&object, &id, true, later(n * 2))).0, "x");
    }
    let kept = records.snapshot();
    assert_eq!(kept.len(), MAX_KEPT);
    assert!(!kept.keys().any(|(_, id)| id == "https://h4.example/c"), "the oldest went");
}

#[test]
fn a_storage_that_fails_makes_no_document() {
    let (object, records, internet) = object();
    records.break_with(FaultMode::Down);
    assert_eq!(none(&read(&object, NOW)).0, NoDocument::Storage);
    records.break_with(FaultMode::FailWrites);
    assert_eq!(name(&read(&object, NOW)).0, "An app", "what was fetched is good");
    assert_eq!(internet.fetches(), 1);
}

#[test]
fn stored_document_format_unchanged() {
    let (object, records, _) = object();
    read(&object, NOW);
    let (key, record) = records.snapshot().pop_first().unwrap();
    assert_eq!(key, ("client_document".to_owned(), ID.to_owned()));
    let text = sound(ID, "An app").replace('"', "\\\"");
    let whole = format!(r#"{{"text":"{text}","fetched_at":1700000000000,"fresh_until":1700001800000}}"#);
    assert_eq!(record, whole);
}
