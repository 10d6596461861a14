//! The administrators' dashboard: its frame, and the parts that every page of it is made of.
//!
//! A page is a [`Screen`]: a title and [`Part`]s. There are few kinds of parts, and each page is data, so that a new page
//! adds rows and no template. It is written in English only (`docs/decisions/0045-dashboard.md`).

mod chart;
mod fields;
mod live;
mod part;
mod screen;
mod table;
mod time;

pub use chart::{Bars, Chart, spans};
pub use fields::{Ask, Entry, EntryKind, Search};
pub use live::{LIVE, live};
pub use part::{Drawing, Link, Part};
pub use screen::{Area, Dashboard, Screen};
pub use table::{Cell, Fact, Table};
