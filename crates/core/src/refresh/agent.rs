//! Which kind of program a `User-Agent` names: the product and its platform, no version.
//!
//! A soft signal: a thief can send any header. It only has to stay the same for an honest client
//! over its updates, and to differ between most devices.

use serde::{Deserialize, Serialize};

/// A product name is cut to this many characters; the known ones have at most nine.
const PRODUCT_MAX_CHARS: usize = 32;

/// Product and platform. Two headers of the same program on the same kind of device give equal
/// values, whatever the versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The browser (`firefox`), or the first product's name in lower case (`okhttp`).
    pub product: String,
    /// What it runs on.
    pub platform: Platform,
}

/// What a client runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// Windows.
    Windows,
    /// macOS, and an iPad that asks for desktop pages.
    Macos,
    /// iOS and iPadOS.
    Ios,
    /// Android.
    Android,
    /// Chrome OS.
    ChromeOs,
    /// Any other Linux.
    Linux,
    /// Not told.
    Unknown,
}

/// The marks of browsers, the more specific first: Edge and Opera call themselves Chrome too,
/// and Chrome calls itself Safari.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "edge"),
    ("EdgA/", "edge"),
    ("EdgiOS/", "edge"),
    ("OPR/", "opera"),
    ("SamsungBrowser/", "samsung"),
    ("Vivaldi/", "vivaldi"),
    ("YaBrowser/", "yandex"),
    ("FxiOS/", "firefox"),
    ("Firefox/", "firefox"),
    ("CriOS/", "chrome"),
    ("Chromium/", "chromium"),
    ("Chrome/", "chrome"),
    ("Safari/", "safari"),
];

/// The marks of platforms, the more specific first: Android and Chrome OS call themselves Linux
/// or X11, an iPhone calls itself "like Mac OS X".
const PLATFORMS: &[(&str, Platform)] = &[
    ("Android", Platform::Android),
    ("iPhone", Platform::Ios),
    ("iPad", Platform::Ios),
    ("iPod", Platform::Ios),
    ("iOS", Platform::Ios),
    ("CrOS", Platform::ChromeOs),
    ("Windows", Platform::Windows),
    ("Macintosh", Platform::Macos),
    ("Mac OS X", Platform::Macos),
    ("macOS", Platform::Macos),
    ("Linux", Platform::Linux),
];

impl Agent {
    /// Classifies a `User-Agent` header; an absent one is an empty one.
    pub(crate) fn of(user_agent: &str) -> Self {
        let browser = BROWSERS.iter().find(|(mark, _)| user_agent.contains(mark)).map(|&(_, name)| name);
        let product = browser.map_or_else(|| first_product(user_agent), str::to_owned);
        let platform = PLATFORMS
            .iter()
            .find(|(mark, _)| user_agent.contains(mark))
            .map_or(Platform::Unknown, |&(_, platform)| platform);
        Self { product, platform }
    }
}

/// The name before the first slash or space (RFC 9110 section 10.1.5 puts the main one first).
fn first_product(user_agent: &str) -> String {
    user_agent
        .chars()
        .take_while(|letter| *letter != '/' && !letter.is_whitespace())
        .take(PRODUCT_MAX_CHARS)
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_programs_are_told_apart() {
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
        for (user_agent, product, platform) in [
            (chrome, "chrome", Platform::Windows),
            (&format!("{chrome} Edg/141.0.0.0"), "edge", Platform::Windows),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
                "firefox",
                Platform::Linux,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
                "safari",
                Platform::Ios,
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
                "chrome",
                Platform::Android,
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/140.0.0.0 Safari/537.36",
                "chrome",
                Platform::ChromeOs,
            ),
            ("okhttp/4.12.0", "okhttp", Platform::Unknown),
            ("Acme/7.1 (iPhone; iOS 18.6; Scale/3.00)", "acme", Platform::Ios),
            ("curl/8.5.0", "curl", Platform::Unknown),
            ("", "", Platform::Unknown),
        ] {
            assert_eq!(
                Agent::of(user_agent),
                Agent { product: product.to_owned(), platform },
                "{user_agent}"
            );
        }
    }

    #[test]
    fn an_update_of_the_program_does_not_make_it_another() {
        assert_eq!(Agent::of("Acme/7.1 (Android 14)"), Agent::of("Acme/7.2 (Android 15)"));
    }

    #[test]
    fn a_hostile_header_gives_a_short_product() {
        assert_eq!(Agent::of(&"ẞ".repeat(10_000)).product.chars().count(), PRODUCT_MAX_CHARS);
    }
}
