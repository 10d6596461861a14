//! What a deployment costs: its own counts times the platform's prices.
//!
//! [`PRICES`] is the only table of prices. [`Amounts`] are what was counted, and [`Estimate`] is what that makes in a month at
//! the same rate. Nothing here is a bill: the platform also bills what Postern cannot count (stored bytes, other Workers of
//! the account), and rounds as it likes.

mod estimate;
mod prices;
mod words;

pub use self::{
    estimate::{Amounts, Estimate, Line},
    prices::{COUNTED, Item, PLAN_MICROS, PRICES, Price, READ_ON},
    words::{dollars, percent},
};

#[cfg(test)]
mod tests;
