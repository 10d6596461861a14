//! Logins: one spelling for each, so that the unique index means what it says.

use core::fmt;

use super::Normalizer;

/// The most that is looked at, in bytes. Normalisation can make text shorter, but four times
/// the final limit is more than any honest login needs.
const MAX_INPUT_BYTES: usize = 1024;

/// The longest login in bytes: the longest mail address (RFC 5321 section 4.5.3.1.3, as
/// corrected by RFC errata 1690).
const MAX_BYTES: usize = 254;

/// A login in its only spelling: NFKC, lower case, without surrounding white space, 1 to 254
/// bytes, no white space and nothing invisible inside.
///
/// `Alice@Example.com`, ` alice@example.com` and the same in full-width letters are one login.
/// Look-alikes of different scripts stay different.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Login(String);

/// Why a text is no login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// Nothing is left of it.
    #[error("must not be empty")]
    Empty,
    /// It has more than 254 bytes, or more than 1 024 before normalisation.
    #[error("must have at most {MAX_BYTES} bytes; it has {bytes}")]
    TooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// A stored login that is not in its one spelling.
    #[error("a stored login is not normalised")]
    NotFolded,
    /// White space, a control character or something invisible inside.
    #[error("must not contain U+{:04X}", u32::from(*.character))]
    ForbiddenCharacter {
        /// The first such character.
        character: char,
    },
}

impl Login {
    /// Brings the text into the one spelling.
    pub fn parse(text: &str, normalizer: &impl Normalizer) -> Result<Self, LoginError> {
        if text.len() > MAX_INPUT_BYTES {
            return Err(LoginError::TooLong { bytes: text.len() });
        }
        // Lower-casing can take text out of NFKC, and NFKC can bring capitals out of
        // compatibility letters: three steps reach the point where nothing changes any more.
        let folded = normalizer.nfkc(&normalizer.nfkc(text).to_lowercase()).to_lowercase();
        Self::from_folded(folded.trim())
    }

    /// From the store, which holds only what [`Login::parse`] made.
    pub fn from_stored(text: &str) -> Result<Self, LoginError> {
        if text.to_lowercase() != text {
            return Err(LoginError::NotFolded);
        }
        Self::from_folded(text)
    }

    fn from_folded(login: &str) -> Result<Self, LoginError> {
        if login.is_empty() {
            return Err(LoginError::Empty);
        }
        if login.len() > MAX_BYTES {
            return Err(LoginError::TooLong { bytes: login.len() });
        }
        if let Some(character) = login.chars().find(|character| forbidden(*character)) {
            return Err(LoginError::ForbiddenCharacter { character });
        }
        Ok(Self(login.to_owned()))
    }

    /// The one spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Characters that do not show, so that two logins could look the same: Unicode's
/// `Default_Ignorable_Code_Point` (`DerivedCoreProperties.txt`), controls and white space.
fn forbidden(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A login is personal: it does not show where values are printed for debugging.
impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Login(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::{super::UnicodeTables, *};

    #[test]
    fn spellings_of_one_login_are_one_login() {
        let login = Login::parse("alice@example.com", &UnicodeTables).unwrap();
        for text in [
            "Alice@Example.COM",
            "  alice@example.com\r\n",
            "ａｌｉｃｅ＠ｅｘａｍｐｌｅ．ｃｏｍ",
            "\u{a0}alice@example.com",
        ] {
            assert_eq!(Login::parse(text, &UnicodeTables), Ok(login.clone()), "{text:?}");
        }
        assert_eq!(
            Login::parse("A\u{30a}sa", &UnicodeTables).unwrap(),
            Login::parse("\u{e5}sa", &UnicodeTables).unwrap()
        );
    }

    #[test]
    fn a_look_alike_login_with_invisible_characters_is_refused() {
        for hidden in ['\u{200b}', '\u{200d}', '\u{202e}', '\u{feff}', '\u{ad}', '\u{e0041}', '\0', '\u{7f}']
        {
            let text = format!("al{hidden}ice@example.com");
            let error = Login::parse(&text, &UnicodeTables).unwrap_err();
            assert_eq!(error, LoginError::ForbiddenCharacter { character: hidden }, "{text:?}");
        }
        assert!(Login::parse("alice bob", &UnicodeTables).is_err());
        assert!(Login::parse("alice\u{a8}bob", &UnicodeTables).is_err(), "NFKC makes a space of this one");
    }

    #[test]
    fn a_huge_login_is_refused_before_it_is_normalised() {
        assert_eq!(
            Login::parse(&"a".repeat(10_000), &UnicodeTables),
            Err(LoginError::TooLong { bytes: 10_000 })
        );
        assert_eq!(Login::parse(&"a".repeat(255), &UnicodeTables), Err(LoginError::TooLong { bytes: 255 }));
        assert_eq!(Login::parse(&"a".repeat(254), &UnicodeTables).unwrap().as_str().len(), 254);
        // One ligature of 3 bytes becomes 33.
        let long = Login::parse(&"\u{fdfa}x".repeat(9), &UnicodeTables);
        assert!(matches!(long, Err(LoginError::TooLong { .. })), "{long:?}");
    }

    #[test]
    fn nothing_and_white_space_are_no_login() {
        assert_eq!(Login::parse("", &UnicodeTables), Err(LoginError::Empty));
        assert_eq!(Login::parse(" \t\u{3000}", &UnicodeTables), Err(LoginError::Empty));
    }

    #[test]
    fn a_login_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", Login::parse("alice@example.com", &UnicodeTables).unwrap()), "Login(..)");
    }

    #[test]
    fn no_letter_and_no_mark_on_it_gives_a_login_two_spellings() {
        let marks = ["", "\u{307}", "\u{323}", "\u{345}", "\u{3a3}"];
        // Those whose case or form has anything to it: the rest is as it is.
        let moved = |character: &char| {
            let text = character.to_string();
            text.to_lowercase() != text || text.to_uppercase() != text || UnicodeTables.nfkc(&text) != text
        };
        // The short round goes as far as Cyrillic.
        let last = if cfg!(feature = "thorough") { 0x1_ffff } else { 0x4ff };
        for character in (0..=last).filter_map(char::from_u32).filter(moved) {
            for mark in marks {
                let Ok(login) = Login::parse(&format!("a{mark}{character}{mark}@b"), &UnicodeTables) else {
                    continue;
                };
                let again = Login::parse(login.as_str(), &UnicodeTables);
                assert_eq!(again.as_ref(), Ok(&login), "{}", character.escape_unicode());
                assert_eq!(Login::from_stored(login.as_str()).as_ref(), Ok(&login));
            }
        }
    }

    #[cfg(feature = "thorough")]
    mod properties {
        use super::*;
        use proptest::prelude::*;

        proptest! {
            #[test]
            fn the_one_spelling_of_a_login_parses_to_itself(text in "\\PC{1,40}") {
                if let Ok(login) = Login::parse(&text, &UnicodeTables) {
                    prop_assert_eq!(Login::parse(login.as_str(), &UnicodeTables), Ok(login.clone()));
                    prop_assert!(login.as_str().len() <= 254);
                }
            }
        }
    }
}
