//! Media types in `Content-Type` (RFC 9110 section 8.3.1).

/// Parameters as a form posts them.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// JSON (RFC 8259 section 11).
pub const JSON: &str = "application/json";

/// The type and subtype of a `Content-Type`, without its parameters. Their case has no meaning.
pub fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether a `Content-Type` is of this media type, with or without parameters.
pub fn is_of_type(content_type: &str, media_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case(media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_do_not_count() {
        assert!(is_of_type("Application/JSON ; charset=utf-8", JSON));
        assert!(!is_of_type("application/jsonp", JSON) && !is_of_type("", JSON));
        assert_eq!(essence(" text/html; a=b;c"), "text/html");
    }
}
