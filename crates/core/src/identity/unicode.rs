//! Unicode normal forms (Unicode Standard Annex 15), as a port: their tables are a fifth of a
//! Worker's size, and the platform has its own.

/// Brings text into a normal form.
pub trait Normalizer {
    /// NFC: the same characters, composed.
    fn nfc(&self, text: &str) -> String;
    /// NFKC: compatibility characters (full-width letters, ligatures) become plain ones too.
    fn nfkc(&self, text: &str) -> String;
}

/// The tables of the crate `unicode-normalization`. The forms are stable: text of characters
/// that both this and the platform know has the same form in both (UAX 15 section 3).
#[cfg(not(target_family = "wasm"))]
#[derive(Debug, Clone, Copy)]
pub struct UnicodeTables;

#[cfg(not(target_family = "wasm"))]
impl Normalizer for UnicodeTables {
    fn nfc(&self, text: &str) -> String {
        use unicode_normalization::UnicodeNormalization as _;
        text.nfc().collect()
    }

    fn nfkc(&self, text: &str) -> String {
        use unicode_normalization::UnicodeNormalization as _;
        text.nfkc().collect()
    }
}
