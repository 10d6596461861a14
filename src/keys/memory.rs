//! A key ring without a platform: records in memory that can fail, and the object over them.

use core::cell::{Cell, RefCell};
use std::{collections::BTreeMap, rc::Rc};

use super::{
    KeyRingAnswer, KeyRingObject, KeyRingRequest, RingPolicy, Signer,
    object::{Ring, RingPorts, Served},
};
use crate::{
    ports::{Clock, Fault, Part, Randomness, Records},
    secrets::Masters,
};

/// How the records behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecordsMode {
    /// As they should.
    #[default]
    Works,
    /// Every call fails and nothing is done.
    Fails,
    /// Reading works, writing fails and nothing is written.
    FailsToWrite,
    /// Reading works; a write is done, and reported as failed.
    FailsAfterWriting,
}

type Rows = BTreeMap<(String, String), String>;

/// Records in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryRecords {
    rows: Rc<RefCell<Rows>>,
    mode: Rc<Cell<RecordsMode>>,
}

impl MemoryRecords {
    /// From now on they behave like this.
    pub fn behave(&self, mode: RecordsMode) {
        self.mode.set(mode);
    }

    fn change(&self, work: impl FnOnce(&mut Rows)) -> Result<(), Fault> {
        let fault = Err(Fault::new(Part::Storage, "told to fail"));
        match self.mode.get() {
            RecordsMode::Fails | RecordsMode::FailsToWrite => fault,
            RecordsMode::Works => {
                work(&mut self.rows.borrow_mut());
                Ok(())
            }
            RecordsMode::FailsAfterWriting => {
                work(&mut self.rows.borrow_mut());
                fault
            }
        }
    }

    fn readable(&self) -> Result<(), Fault> {
        if self.mode.get() == RecordsMode::Fails {
            return Err(Fault::new(Part::Storage, "told to fail"));
        }
        Ok(())
    }
}

impl Records for MemoryRecords {
    fn read(&self, kind: &str, id: &str) -> Result<Option<String>, Fault> {
        self.readable()?;
        Ok(self.rows.borrow().get(&(kind.to_owned(), id.to_owned())).cloned())
    }

    fn write(&self, kind: &str, id: &str, record: &str) -> Result<(), Fault> {
        self.change(|rows| {
            rows.insert((kind.to_owned(), id.to_owned()), record.to_owned());
        })
    }

    fn remove(&self, kind: &str, id: &str) -> Result<(), Fault> {
        self.change(|rows| {
            rows.remove(&(kind.to_owned(), id.to_owned()));
        })
    }

    fn scan(&self, kind: &str) -> Result<Vec<(String, String)>, Fault> {
        self.readable()?;
        let rows = self.rows.borrow();
        Ok(rows
            .iter()
            .filter(|((of, _), _)| of == kind)
            .map(|((_, id), row)| (id.clone(), row.clone()))
            .collect())
    }
}

/// A `KeyRing` object in this process.
#[derive(Debug)]
pub struct MemoryKeyRing<S, N, C> {
    ring: Ring<MemoryRecords>,
    records: MemoryRecords,
    signer: S,
    randomness: N,
    clock: C,
    masters: Masters,
    policy: RingPolicy,
}

impl<S: Signer, N: Randomness, C: Clock> MemoryKeyRing<S, N, C> {
    /// An empty ring: the first request founds it.
    pub fn new(signer: S, randomness: N, clock: C, masters: Masters, policy: RingPolicy) -> Self {
        let records = MemoryRecords::default();
        let ring = Ring::new(records.clone());
        Self { ring, records, signer, randomness, clock, masters, policy }
    }

    /// Its records, to make them fail.
    pub const fn records(&self) -> &MemoryRecords {
        &self.records
    }

    /// Serves a request and shows all that came of it.
    pub async fn serve(&self, request: &KeyRingRequest) -> Served {
        self.ring.serve(request, self.clock.now(), &self.ports()).await
    }

    /// Lets the alarm go off.
    pub async fn alarm(&self) -> Served {
        self.ring.alarm(self.clock.now(), &self.ports()).await
    }

    const fn ports(&self) -> RingPorts<'_, S, N> {
        RingPorts {
            signer: &self.signer,
            randomness: &self.randomness,
            masters: &self.masters,
            policy: &self.policy,
        }
    }
}

impl<S: Signer, N: Randomness, C: Clock> KeyRingObject for MemoryKeyRing<S, N, C> {
    async fn ask(&self, request: &KeyRingRequest) -> Result<KeyRingAnswer, Fault> {
        Ok(self.serve(request).await.answer)
    }
}
