use super::*;

pub(super) fn normal(raw: &str) -> Result<String, PathError> {
    NormalPath::parse(raw).map(|path| path.as_str().to_owned())
}

// Tests RFC 3986 section 6.2.2: spellings of one path that mean the same are one path
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

// Tests RFC 3986 section 5.2.4: paths with dot segments are refused
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

// It is forwarded as it came.
#[test]
fn an_escaped_delimiter_is_matched_decoded() {
    let path = NormalPath::parse("/a%21/%E2%82%AC").unwrap();
    assert_eq!(path.as_str(), "/a%21/%E2%82%AC");
    assert_eq!(path.segments(), ["a!", "€"]);
}
