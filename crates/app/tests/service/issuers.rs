//! Other issuers: their objects are the real ones, and what they fetch is set by the test.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use super::world::Platform;
use postern_app::{
    client_documents::{
        ClientDocumentAnswer, ClientDocumentObjects, ClientDocumentRequest, ClientDocuments, Network,
    },
    issuer_keys::{IssuerKeys, IssuerKeysAnswer, IssuerKeysObjects, IssuerKeysRequest},
    ports::{CacheHeaders, Clock as _, Component, Document, DocumentSource, Fault, memory::MemoryRecords},
};

/// What stands where. A place without a document does not answer.
#[derive(Clone, Default)]
pub(crate) struct Internet {
    documents: Rc<RefCell<BTreeMap<String, String>>>,
    /// Statuses other than 200.
    pub(crate) statuses: Rc<RefCell<BTreeMap<String, u16>>>,
    pub(crate) fetched: Rc<RefCell<Vec<String>>>,
}

impl Internet {
    pub(crate) fn publish(&self, url: &str, document: impl Into<String>) {
        self.documents.borrow_mut().insert(url.to_owned(), document.into());
    }

    pub(crate) fn take_down(&self, url: &str) {
        self.documents.borrow_mut().remove(url);
    }
}

impl DocumentSource for Internet {
    async fn fetch(&self, url: &str, _: &'static str, max_bytes: usize, _: u32) -> Result<Document, Fault> {
        self.fetched.borrow_mut().push(url.to_owned());
        let found = self.documents.borrow().get(url).cloned();
        let mut body = found.ok_or_else(|| Fault::new(Component::Issuer, "no answer"))?.into_bytes();
        body.truncate(max_bytes + 1);
        let status = self.statuses.borrow().get(url).copied().unwrap_or(200);
        let content_type = Some("application/json".to_owned());
        Ok(Document { status, content_type, body, cache: CacheHeaders::default() })
    }
}

type Object = IssuerKeys<MemoryRecords, Internet>;

/// The `IssuerKeys` objects of a deployment.
#[derive(Clone)]
pub(crate) struct IssuerObjects {
    platform: Platform,
    pub(crate) internet: Internet,
    objects: Rc<RefCell<BTreeMap<String, Rc<Object>>>>,
    pub(crate) asked: Rc<Cell<u32>>,
    pub(crate) unreachable: Rc<Cell<bool>>,
}

impl IssuerObjects {
    pub(crate) fn at(platform: &Platform) -> Self {
        Self {
            platform: platform.clone(),
            internet: Internet::default(),
            objects: Rc::default(),
            asked: Rc::default(),
            unreachable: Rc::default(),
        }
    }
}

impl IssuerKeysObjects for IssuerObjects {
    async fn ask(&self, place: &str, request: &IssuerKeysRequest) -> Result<IssuerKeysAnswer, Fault> {
        self.asked.set(self.asked.get() + 1);
        if self.unreachable.get() {
            return Err(Fault::new(Component::IssuerKeys, "told to fail"));
        }
        let make = || Rc::new(IssuerKeys::new(MemoryRecords::default(), self.internet.clone()));
        let object = Rc::clone(self.objects.borrow_mut().entry(place.to_owned()).or_insert_with(make));
        Ok(object.serve(request, self.platform.now(), 0).await)
    }
}

type Documents = ClientDocuments<MemoryRecords, Internet>;

/// The `ClientDocuments` objects of a deployment.
#[derive(Clone)]
pub(crate) struct DocumentObjects {
    platform: Platform,
    pub(crate) internet: Internet,
    objects: Rc<RefCell<BTreeMap<u8, Rc<Documents>>>>,
    pub(crate) unreachable: Rc<Cell<bool>>,
}

impl DocumentObjects {
    pub(crate) fn at(platform: &Platform, internet: &Internet) -> Self {
        let internet = internet.clone();
        Self { platform: platform.clone(), internet, objects: Rc::default(), unreachable: Rc::default() }
    }
}

impl ClientDocumentObjects for DocumentObjects {
    async fn ask(&self, object: u8, request: &ClientDocumentRequest) -> Result<ClientDocumentAnswer, Fault> {
        if self.unreachable.get() {
            return Err(Fault::new(Component::ClientDocuments, "told to fail"));
        }
        let records = MemoryRecords::default();
        let make = || Rc::new(ClientDocuments::new(records, self.internet.clone(), Network::StrictlyPublic));
        let object = Rc::clone(self.objects.borrow_mut().entry(object).or_insert_with(make));
        Ok(object.serve(request, self.platform.now()).await)
    }
}
