//! The administrators' dashboard: pages over the administrators' API.
//!
//! A page reads through [`Reading::read`](reading::Reading::read) what a call of the API answers, and writes it down as parts
//! (`postern_pages::dashboard`). A change is a row of [`change::CHANGES`]: it names the action of the API's row in the table
//! of endpoints, and [`confirm`] asks once and lets the API carry it out. So there is no second implementation of a call.
//!
//! A page is a row of [`ENDPOINTS`](crate::web::endpoints::ENDPOINTS), an arm of [`DashboardPages::screen`], and a file here
//! with one function that makes its [`Screen`](postern_pages::dashboard::Screen); a new area is a row of [`desk::AREAS`].

mod audit;
mod change;
mod clients;
mod confirm;
mod cost;
mod desk;
mod issuers;
mod keys;
mod limits;
mod overview;
mod reading;
mod refused;
mod revocations;
mod router;
mod routes;
mod show;
mod users;

pub(crate) use router::DashboardPages;

/// Every change that the dashboard offers, with its fields: for tests over all of them.
#[cfg(test)]
pub(crate) fn change_fields() -> Vec<(&'static str, Vec<&'static str>)> {
    change::every_field()
}
