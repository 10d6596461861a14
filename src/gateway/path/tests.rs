use proptest::prelude::*;

use super::*;

fn normal(raw: &str) -> Result<String, PathError> {
    NormalPath::parse(raw).map(|path| path.as_str().to_owned())
}

#[test]
fn one_spelling_stands_for_all_that_mean_the_same() {
    for (raw, expected) in [
        ("/", "/"),
        ("/api/orders/", "/api/orders/"),
        ("/%61pi", "/api"),
        ("/a%7Eb", "/a~b"),
        ("/a%c3%a4", "/a%C3%A4"),
        ("/ä", "/%C3%A4"),
        ("/a b", "/a%20b"),
        ("/a|b[c]", "/a%7Cb%5Bc%5D"),
        ("/a%21b!", "/a%21b!"),
        ("/API", "/API"),
        ("/...", "/..."),
        ("/a\u{2025}b", "/a%E2%80%A5b"),
        ("/\u{2026}", "/%E2%80%A6"),
        ("/.well-known/x", "/.well-known/x"),
        ("/100%25", "/100%25"),
        ("/100%25zz", "/100%25zz"),
    ] {
        assert_eq!(normal(raw).as_deref(), Ok(expected), "{raw}");
    }
}

#[test]
fn path_confusion_attacks_are_refused_and_not_repaired() {
    for (raw, error) in [
        ("/public/../admin", PathError::DotSegment),
        ("/public/%2e%2e/admin", PathError::DotSegment),
        ("/public/.%2E/admin", PathError::DotSegment),
        ("/./admin", PathError::DotSegment),
        ("/admin/.", PathError::DotSegment),
        ("/..", PathError::DotSegment),
        ("//admin", PathError::EmptySegment),
        ("/public//admin", PathError::EmptySegment),
        ("/admin//", PathError::EmptySegment),
        ("/public%2fadmin", PathError::EncodedSeparator),
        ("/public/..%2Fadmin", PathError::EncodedSeparator),
        ("/public%5cadmin", PathError::EncodedSeparator),
        ("/public\\..\\admin", PathError::Backslash),
        ("/public/..;/admin", PathError::Semicolon),
        ("/admin;x=1", PathError::Semicolon),
        ("/admin%3bx", PathError::Semicolon),
        ("/admin%00.png", PathError::Control),
        ("/admin%0d%0aX-Auth-Subject:root", PathError::Control),
        ("/admin\u{0}", PathError::Control),
        ("/admin%7f", PathError::Control),
        ("/admin%", PathError::BadEscape),
        ("/admin%2", PathError::BadEscape),
        ("/admin%2g", PathError::BadEscape),
        ("/admin%u002e", PathError::BadEscape),
        ("/%252e%252e/admin", PathError::DoubleEncoding),
        ("/%25%32%65/admin", PathError::DoubleEncoding),
        ("/a%252fadmin", PathError::DoubleEncoding),
        ("/%2561dmin", PathError::DoubleEncoding),
        ("/%25%36%31dmin", PathError::DoubleEncoding),
        ("/public\u{ff0f}admin", PathError::LookAlike),
        ("/public/%EF%BC%8E%EF%BC%8E/admin", PathError::LookAlike),
        ("/public/.\u{2024}/admin", PathError::LookAlike),
        ("/public/\u{2025}/admin", PathError::LookAlike),
        ("/public\u{2215}admin", PathError::LookAlike),
        ("/public\u{ff3c}admin", PathError::LookAlike),
        ("/admin\u{37e}x", PathError::LookAlike),
        ("/%EF%BC%852e/admin", PathError::LookAlike),
        ("/a%25252fadmin", PathError::DoubleEncoding),
        ("/a%2500", PathError::DoubleEncoding),
        ("/%c0%ae%c0%ae/admin", PathError::NotUtf8),
        ("/%c0%afadmin", PathError::NotUtf8),
        ("/%ff", PathError::NotUtf8),
        ("/a?b", PathError::NotOnlyPath),
        ("/a#b", PathError::NotOnlyPath),
        ("", PathError::NotAbsolute),
        ("admin", PathError::NotAbsolute),
    ] {
        assert_eq!(normal(raw), Err(error), "{raw:?}");
    }
    assert_eq!(normal(&format!("/{}", "a".repeat(MAX_PATH_BYTES))), Err(PathError::TooLong));
}

#[test]
fn an_escaped_delimiter_is_forwarded_as_it_came_and_matched_decoded() {
    let path = NormalPath::parse("/a%21/%E2%82%AC").unwrap();
    assert_eq!(path.as_str(), "/a%21/%E2%82%AC");
    assert_eq!(path.segments(), ["a!", "€"]);
}

/// Paths made mostly of what matters: separators, dots, escapes of them, halves of escapes.
pub(crate) fn odd_paths() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => Just("/".to_owned()),
        1 => prop::sample::select(vec![
            ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", ";", "%3b", "%00", "%25", "%252e", "%", "%2", "e", "%32",
            "%65", "%c3%a4", "%c0%ae", "%21", "!", "ä", " ", "|", "~", "%7e", "A", "%41", "?", "#",
        ]).prop_map(str::to_owned),
        1 => prop::sample::select(vec![
            "/%252e%252e/", "/.%2e/", "/%25%32e./", "/..%3b/", "%25%32%66", "%2500", "%25252e", "/%2e",
        ]).prop_map(str::to_owned),
        2 => "[a-z]{1,3}",
        1 => any::<u8>().prop_map(|byte| format!("%{byte:02x}")),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #[test]
    fn the_normal_form_of_a_normal_form_is_itself(raw in odd_paths()) {
        if let Ok(once) = normal(&raw) {
            prop_assert_eq!(normal(&once), Ok(once.clone()));
        }
    }

    #[test]
    fn no_decoder_finds_a_separator_or_a_dot_segment_in_what_passes(raw in odd_paths(), rounds in 1_usize..4) {
        if let Ok(path) = NormalPath::parse(&raw) {
            let mut text = path.as_str().to_owned();
            for _ in 0..rounds {
                text = String::from_utf8_lossy(&decode_bytes(&text)).into_owned();
            }
            prop_assert_eq!(text.matches('/').count(), path.as_str().matches('/').count(), "{}", text);
            prop_assert!(!text.contains('\\') && !text.contains(';') && !text.contains('\0'), "{}", text);
            prop_assert!(!text.split('/').any(|segment| segment == "." || segment == ".."), "{}", text);
        }
    }

    #[test]
    fn any_text_at_all_is_answered_without_a_panic(raw in "\\PC*") {
        let _ = NormalPath::parse(&raw);
    }
}
