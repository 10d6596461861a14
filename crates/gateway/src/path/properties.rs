//! What holds for any path.

use proptest::prelude::*;

use super::{tests::normal, *};

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
                text = percent_decode_str(&text).decode_utf8_lossy().into_owned();
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
