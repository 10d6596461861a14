//! The texts of the pages: one struct, of which each language is a value, so that the compiler finds a missing one.
//!
//! `{name}` in a text is a placeholder. A test compares the placeholders of all languages with the English ones.

use maud::{Markup, html};

macro_rules! messages {
    ($($name:ident)*) => {
        /// The texts in one language.
        pub(crate) struct Messages {
            $(pub(crate) $name: &'static str,)*
        }

        #[cfg(test)]
        impl Messages {
            /// Every text with its name.
            pub(crate) fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name)),*]
            }
        }
    };
}

messages! {
    // On every page.
    languages privacy terms help error_title problem back_to_sign_in
    // Signing in.
    sign_in sign_in_to login_label password_label forgotten_link no_account sign_up_link
    wrong_credentials
    signed_in_title signed_in_as another_account continue_as
    // Creating an account.
    sign_up sign_up_button new_password_label new_password_hint have_account
    login_taken login_invalid password_short password_long password_common
    // A forgotten password.
    forgotten forgotten_text send_message sent_title sent_text
    new_password set_password code_label code_hint code_invalid password_set_title password_set_text
    // An address.
    verify verify_text verify_button verified_title verified_text
    // Signing out.
    sign_out sign_out_text signed_out_title signed_out_text
    // Consent.
    consent_title consent_user consent_resource consent_scopes consent_no_scopes
    verified_domain registered_itself redirect_host localhost_warning allow deny
    scope_openid scope_profile scope_email scope_offline_access
    // Applications with access.
    applications applications_none applications_scopes applications_since applications_used
    end_access end_access_text access_ended
    // Refusals and faults.
    failed_title form_expired foreign_page throttled busy unavailable bad_request not_offered
    registration_closed field_missing unknown_client client_document wrong_redirect invalid_authorization
    consent_spent
}

/// The text with its placeholder replaced. The value is isolated from the direction of the text around it.
pub(crate) fn filled(text: &str, placeholder: &str, value: &str) -> Markup {
    let Some((before, after)) = text.split_once(placeholder) else { return html! { (text) } };
    html! { (before) bdi { (value) } (after) }
}

/// As [`filled`], for places that are text without elements: a title, an attribute. Unicode's isolates (U+2068, U+2069)
/// take the part of the element.
pub(crate) fn filled_plain(text: &str, placeholder: &str, value: &str) -> String {
    text.replacen(placeholder, &["\u{2068}", value, "\u{2069}"].concat(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;

    fn placeholders(text: &str) -> Vec<&str> {
        let mut found: Vec<&str> =
            text.split('{').skip(1).map(|rest| rest.split_once('}').expect("a closing brace").0).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn every_language_has_the_placeholders_of_english() {
        let english = Language::English.messages().all();
        for language in Language::ALL {
            for ((name, text), (_, original)) in language.messages().all().into_iter().zip(&english) {
                let of = language.tag();
                assert!(!text.trim().is_empty() && text.trim() == text, "{of}: {name}");
                assert_eq!(placeholders(text), placeholders(original), "{of}: {name}");
                assert!(placeholders(text).len() <= 1, "{of}: {name} has one placeholder at most");
                assert!(!text.contains(['<', '>', '&', '"']), "{of}: {name} is text and no markup");
            }
        }
    }

    // A text that was copied and not translated.
    #[test]
    fn no_language_repeats_an_english_sentence() {
        let english = Language::English.messages().all();
        for language in Language::ALL.into_iter().filter(|language| *language != Language::English) {
            for ((name, text), (_, original)) in language.messages().all().into_iter().zip(&english) {
                // "Error" is a Spanish word too.
                assert!(text != *original || name == "error_title", "{}: {name}", language.tag());
            }
        }
    }

    #[test]
    fn a_value_cannot_leave_its_place() {
        let page = filled("Allow {client}?", "{client}", "<script>\u{202e}").into_string();
        assert_eq!(page, "Allow <bdi>&lt;script&gt;\u{202e}</bdi>?");
    }
}
