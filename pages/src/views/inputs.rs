//! Fields that several pages have.

use crate::form::{Field, Input};

/// `first` says whether the cursor is in it when the page opens.
pub(super) const fn login_input<'a>(label: &'static str, value: &'a str, first: bool) -> Input<'a> {
    Input { field: Field::Login, label, kind: "text", autocomplete: "username", hint: None, value, first }
}

pub(super) const fn new_password(label: &'static str, hint: &'static str) -> Input<'static> {
    Input {
        field: Field::Password,
        label,
        kind: "password",
        autocomplete: "new-password",
        hint: Some(hint),
        value: "",
        first: false,
    }
}
