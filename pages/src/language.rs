//! The languages of the pages, and the choice among them.

use crate::{ar, de, en, es, fr, ja, messages::Messages};

/// The longest header or parameter with languages that is read, in bytes. Browsers send less than 200.
const MAX_BYTES: usize = 512;

/// A language that every message exists in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, which is used where no other language is asked for.
    English,
    /// German.
    German,
    /// French.
    French,
    /// Spanish.
    Spanish,
    /// Japanese.
    Japanese,
    /// Arabic, which is written from right to left.
    Arabic,
}

impl Language {
    /// All languages, in the order in which pages offer them.
    pub const ALL: [Self; 6] =
        [Self::English, Self::German, Self::French, Self::Spanish, Self::Japanese, Self::Arabic];

    /// The tag (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Japanese => "ja",
            Self::Arabic => "ar",
        }
    }

    /// The language's own name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
            Self::French => "Français",
            Self::Spanish => "Español",
            Self::Japanese => "日本語",
            Self::Arabic => "العربية",
        }
    }

    /// The direction of its script, as the attribute `dir` has it.
    pub const fn direction(self) -> &'static str {
        match self {
            Self::Arabic => "rtl",
            _ => "ltr",
        }
    }

    /// Its messages.
    pub(crate) const fn messages(self) -> &'static Messages {
        match self {
            Self::English => &en::MESSAGES,
            Self::German => &de::MESSAGES,
            Self::French => &fr::MESSAGES,
            Self::Spanish => &es::MESSAGES,
            Self::Japanese => &ja::MESSAGES,
            Self::Arabic => &ar::MESSAGES,
        }
    }

    /// The language of a tag: `de-CH` is German (lookup, RFC 4647 section 3.4).
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?.trim();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The first language of a list such as `ui_locales` (`OpenID` Connect Core section 3.1.2.1): tags with spaces between,
    /// the preferred one first.
    pub fn of_locales(list: &str) -> Option<Self> {
        (list.len() <= MAX_BYTES).then(|| list.split_ascii_whitespace().find_map(Self::of_tag))?
    }

    /// The preferred language of `Accept-Language` (RFC 9110 section 12.5.4).
    pub fn of_accepted(header: &str) -> Option<Self> {
        if header.len() > MAX_BYTES {
            return None;
        }
        let mut best: Option<(u16, Self)> = None;
        for range in header.split(',') {
            let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
            let Some(language) = Self::of_tag(tag.trim()) else { continue };
            let weight = thousandths(weight);
            if weight > 0 && best.is_none_or(|(other, _)| weight > other) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }
}

/// The weight `q=0.8` in thousandths. A weight that is absent or cannot be read counts as 1.
fn thousandths(parameter: &str) -> u16 {
    let Some(value) = parameter.trim().strip_prefix("q=") else { return 1000 };
    let Some(decimals) = value.strip_prefix("0") else { return 1000 };
    let digits = decimals.strip_prefix('.').unwrap_or_default();
    let mut weight = 0;
    for place in 0..3 {
        let digit =
            digits.as_bytes().get(place).map_or(0, |digit| u16::from(digit.wrapping_sub(b'0').min(9)));
        weight = weight * 10 + digit;
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tests RFC 9110 section 12.5.4: the weights of Accept-Language decide, and 0 means not acceptable
    #[test]
    fn accept_language_chooses_by_weight() {
        for (header, expected) in [
            ("de-CH,de;q=0.9,en;q=0.8", Some(Language::German)),
            ("nl,en;q=0.3,fr;q=0.35", Some(Language::French)),
            ("nl, es ;q=0.001, de;q=0", Some(Language::Spanish)),
            ("JA", Some(Language::Japanese)),
            ("ar-EG,ar;q=0.9", Some(Language::Arabic)),
            ("nl", None),
            ("*", None),
            ("", None),
            ("de;q=0", None),
        ] {
            assert_eq!(Language::of_accepted(header), expected, "{header}");
        }
        assert_eq!(Language::of_accepted(&"de,".repeat(200)), None);
    }

    // Tests OpenID Connect Core section 3.1.2.1: ui_locales is a list, the preferred language first
    #[test]
    fn ui_locales_gives_its_first_known_language() {
        assert_eq!(Language::of_locales("nl fr-CA en"), Some(Language::French));
        assert_eq!(Language::of_locales("nl"), None);
        assert_eq!(Language::of_locales("de\"><script>"), None);
    }
}
