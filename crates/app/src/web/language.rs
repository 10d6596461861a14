//! The language of a browser.

use postern_pages::Language;

use crate::{config::cookie_names::LANGUAGE_COOKIE, http::RequestView, web::cookies};

/// The language that the user chose on a page before, or else the preferred one of the browser. `None` if pages have
/// neither.
pub(crate) fn language_of(request: &impl RequestView) -> Option<Language> {
    let chosen = cookies::values(request, LANGUAGE_COOKIE).iter().find_map(|tag| Language::of_tag(tag));
    chosen.or_else(|| Language::of_accepted(&request.header("accept-language")?))
}
