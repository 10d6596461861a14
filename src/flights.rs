//! The requests whose access tokens WebCrypto is verifying. `glue.js` waits for a verdict, and calls back with it and with
//! the number of the flight.
//!
//! A flight holds nothing of JavaScript. If the client goes away and no verdict comes, it stays until others take its
//! place.

use std::{cell::RefCell, collections::VecDeque};

use crate::request::HeadText;
use postern_app::service::PendingRequest;

/// How many flights an isolate keeps, at about 2 KB each. WebCrypto has its verdict when its promise is made, so there are
/// more than a few only where no verdict came. A flight beyond them replaces the oldest, whose request is then decided
/// by waiting.
const MAX_FLIGHTS: usize = 64;

/// A request that waits for a verdict.
pub(super) struct Flight {
    pub(super) head: HeadText,
    pub(super) pending: PendingRequest,
}

#[derive(Default)]
struct Flights {
    last: u32,
    /// In the order of their numbers.
    waiting: VecDeque<(u32, Flight)>,
}

thread_local! {
    static FLIGHTS: RefCell<Flights> = RefCell::default();
}

/// The number of the next flight.
pub(super) fn number() -> u32 {
    FLIGHTS.with_borrow_mut(|flights| {
        flights.last = flights.last.wrapping_add(1);
        flights.last
    })
}

/// Keeps a flight under its number.
pub(super) fn depart(number: u32, flight: Flight) {
    FLIGHTS.with_borrow_mut(|flights| {
        if flights.waiting.len() >= MAX_FLIGHTS {
            flights.waiting.pop_front();
        }
        flights.waiting.push_back((number, flight));
    });
}

/// Takes a flight out by its number, which is good for once.
pub(super) fn land(number: u32) -> Option<Flight> {
    FLIGHTS.with_borrow_mut(|flights| {
        let place = flights.waiting.iter().rposition(|(known, _)| *known == number)?;
        flights.waiting.remove(place).map(|(_, flight)| flight)
    })
}
