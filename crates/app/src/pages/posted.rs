//! A posted form: which browser it came from, and what was entered.

use core::time::Duration;

use postern_oauth::form::{FormError, Parameters};
use postern_pages::{Document, Field, Problem};

use crate::{
    http::{
        Reply, RequestView,
        media_type::{FORM, is_of_type},
    },
    pages::{
        form_token::{self, FORM_LIFETIME},
        refusal::Refusals,
        visit::Visit,
    },
    runtime::{Runtime, events::Events, origins::Origins, ports::Ports},
    time::Timestamp,
    web::{body::BodyError, caller::Caller, error::ApiError},
};

/// The fields of a posted form.
///
/// # Errors
/// Returns [`BodyError`] for a body that is no form.
pub(crate) fn fields<'b>(request: &impl RequestView, body: &'b [u8]) -> Result<Parameters<'b>, BodyError> {
    if !request.header("content-type").is_some_and(|text| is_of_type(&text, FORM)) {
        return Err(BodyError::UnsupportedMediaType);
    }
    Parameters::of_body(body).map_err(unread)
}

/// The fields of a query, under the same rules.
///
/// # Errors
/// Returns [`BodyError`] for a query that is no form.
pub(crate) fn query_fields(query: Option<&str>) -> Result<Parameters<'_>, BodyError> {
    Parameters::parse(query.unwrap_or_default()).map_err(unread)
}

const fn unread(error: FormError) -> BodyError {
    match error {
        FormError::TooLong | FormError::TooMany => BodyError::TooLarge,
        FormError::Encoding => BodyError::InvalidUtf8,
    }
}

/// The text of a field. Absent, empty, and several of one name are an empty text.
pub(crate) fn text<'f>(fields: &'f Parameters<'_>, name: &'static str) -> &'f str {
    fields.one(name).ok().flatten().unwrap_or_default()
}

/// The first field that is empty.
fn missing(fields: &Parameters<'_>, needed: &[(&'static str, Field)]) -> Option<Problem> {
    let empty = |(name, _): &&(&'static str, Field)| text(fields, name).is_empty();
    needed.iter().find(empty).map(|(_, field)| Problem::Missing(*field))
}

/// A form, or the answer that shows it again.
pub(crate) type Admission = Result<Timestamp, Reply>;

/// Admits a posted form: this browser was shown it, and the fields that it needs are filled in. Returns when it was shown,
/// or the form again with what is missing.
///
/// # Errors
/// Returns [`ApiError::CrossOrigin`] for a form of another origin, and errors of `render`.
pub(crate) fn admit<P: Ports>(
    runtime: &Runtime<P>,
    request: &impl RequestView,
    visit: &Visit<'_>,
    (address, needed): (&str, &[(&'static str, Field)]),
    fields: &Parameters<'_>,
    render: impl Fn(Problem) -> Result<Document, ApiError>,
) -> Result<Admission, ApiError> {
    let Some(shown_at) = shown_at(runtime, request, visit, (address, FORM_LIFETIME), fields)? else {
        return Refusals::of(runtime).again(request, visit, &ApiError::CsrfFailed, render).map(Err);
    };
    match missing(fields, needed) {
        Some(problem) => Ok(Err(visit.page(400, render(problem)?))),
        None => Ok(Ok(shown_at)),
    }
}

/// Checks that a form was posted by the browser that it was shown to, from a page of this host. Returns when it was shown;
/// `None` if its token is missing, old, or of another browser.
///
/// # Errors
/// Returns [`ApiError::CrossOrigin`] for a form of another origin, listed or not.
pub(crate) fn shown_at<P: Ports>(
    runtime: &Runtime<P>,
    request: &impl RequestView,
    visit: &Visit<'_>,
    (address, lifetime): (&str, Duration),
    fields: &Parameters<'_>,
) -> Result<Option<Timestamp>, ApiError> {
    Origins::of(runtime).check_own_origin(request)?;
    let masters = &runtime.isolate.masters;
    let in_time = (runtime.now(), lifetime);
    form_token::verify(masters, visit.browser, address, in_time, text(fields, "form_token"))
        .map_err(|newer| Events::of(runtime).newer_master(&Caller::of(request), "form_token", newer))
}
