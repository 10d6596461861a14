//! The look of the pages: name, logo, links, and colours for the light and the dark scheme.

use core::fmt::Write as _;

use crate::colour::{BORDER_CONTRAST, Colour, TEXT_CONTRAST};

/// How far muted text is from the text to the card, in percent.
const MUTED: u16 = 30;

/// How far the border of a field is from the text to the card, in percent.
const BORDER: u16 = 45;

/// The colours of an error, of which the one with the better contrast is taken.
const ALERTS: [Colour; 2] = [Colour::hex(0x00b3_261e), Colour::hex(0x00ff_b4ab)];

/// The colours of one scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// Behind the card.
    pub background: Colour,
    /// The card with the form.
    pub card: Colour,
    /// Text, on the card and on the background.
    pub text: Colour,
    /// Links, the button, and the mark of the keyboard's focus.
    pub accent: Colour,
    /// The text of the button.
    pub on_accent: Colour,
}

/// Two colours of a palette that are too close to each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LowContrast {
    /// The member of the palette that is meant.
    pub colour: &'static str,
    /// The member that it is seen against.
    pub against: &'static str,
    /// The contrast ratio.
    pub contrast: f64,
    /// The least that it may be.
    pub least: f64,
}

impl Palette {
    /// The default for light surroundings.
    pub const LIGHT: Self = Self {
        background: Colour::hex(0x00f1_f3f8),
        card: Colour::hex(0x00ff_ffff),
        text: Colour::hex(0x0019_1d2b),
        accent: Colour::hex(0x0034_48c5),
        on_accent: Colour::hex(0x00ff_ffff),
    };

    /// The default for dark surroundings.
    pub const DARK: Self = Self {
        background: Colour::hex(0x000f_121b),
        card: Colour::hex(0x0019_1d2a),
        text: Colour::hex(0x00ed_eff7),
        accent: Colour::hex(0x00a3_b4ff),
        on_accent: Colour::hex(0x0010_1530),
    };

    fn muted(&self) -> Colour {
        self.text.towards(self.card, MUTED)
    }

    fn border(&self) -> Colour {
        self.text.towards(self.card, BORDER)
    }

    fn alert(&self) -> Colour {
        let [one, other] = ALERTS;
        if one.contrast(self.card) >= other.contrast(self.card) { one } else { other }
    }

    /// The pairs whose contrast is too low: text 4.5, the border of a field 3 (WCAG 2.2, level AA).
    pub fn low_contrasts(&self) -> Vec<LowContrast> {
        let pairs = [
            ("text", self.text, "card", self.card, TEXT_CONTRAST),
            ("text", self.text, "background", self.background, TEXT_CONTRAST),
            ("text", self.muted(), "card", self.card, TEXT_CONTRAST),
            ("text", self.muted(), "background", self.background, TEXT_CONTRAST),
            ("text", self.border(), "card", self.card, BORDER_CONTRAST),
            ("accent", self.accent, "card", self.card, TEXT_CONTRAST),
            ("accent", self.accent, "background", self.background, TEXT_CONTRAST),
            ("on_accent", self.on_accent, "accent", self.accent, TEXT_CONTRAST),
            ("card", self.alert(), "card", self.card, TEXT_CONTRAST),
        ];
        let low = |(colour, one, against, other, least): (_, Colour, _, Colour, f64)| {
            let contrast = one.contrast(other);
            (contrast < least).then_some(LowContrast { colour, against, contrast, least })
        };
        pairs.into_iter().filter_map(low).collect()
    }

    fn write_properties(&self, css: &mut String) {
        let properties = [
            ("background", self.background),
            ("card", self.card),
            ("text", self.text),
            ("muted", self.muted()),
            ("border", self.border()),
            ("accent", self.accent),
            ("on-accent", self.on_accent),
            ("alert", self.alert()),
        ];
        css.push_str(":root{");
        for (name, colour) in properties {
            let _ = write!(css, "--{name}:{colour};");
        }
        css.push('}');
    }
}

/// Links below the card. Each is an absolute https URL or a path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links {
    /// The privacy notice.
    pub privacy: Option<String>,
    /// The terms of use.
    pub terms: Option<String>,
    /// Where users get help.
    pub help: Option<String>,
}

/// The look of the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// The name of the service that users sign in to.
    pub name: String,
    /// The logo: a path on the same host, or a `data:` URL of an image. Without it, the pages show a gate.
    pub logo: Option<String>,
    /// The links below the card.
    pub links: Links,
    /// The colours in light surroundings.
    pub light: Palette,
    /// The colours in dark surroundings.
    pub dark: Palette,
}

impl Theme {
    /// The default look, under this name.
    pub const fn named(name: String) -> Self {
        let links = Links { privacy: None, terms: None, help: None };
        Self { name, logo: None, links, light: Palette::LIGHT, dark: Palette::DARK }
    }

    /// Lets a page show the logo: `img-src` of CSP.
    pub(crate) fn allow_logo(&self, policy: &mut String) {
        match &self.logo {
            Some(logo) if logo.starts_with("data:") => policy.push_str("; img-src data:"),
            Some(_) => policy.push_str("; img-src 'self'"),
            None => {}
        }
    }

    /// The whole style: the colours of this theme, and the rules that all themes have.
    pub(crate) fn style(&self) -> String {
        let mut css = String::with_capacity(STYLE.len() + 512);
        self.light.write_properties(&mut css);
        css.push_str("@media(prefers-color-scheme:dark){");
        self.dark.write_properties(&mut css);
        css.push('}');
        css.push_str(STYLE);
        css
    }
}

/// The rules, without what only people need.
const STYLE: &str = include_str!("../style.css");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_palettes_have_enough_contrast() {
        assert_eq!(Palette::LIGHT.low_contrasts(), []);
        assert_eq!(Palette::DARK.low_contrasts(), []);
    }

    #[test]
    fn each_pair_that_is_too_close_is_named() {
        let pale = Palette { accent: Colour::hex(0x00a3_b4ff), ..Palette::LIGHT };
        let found: Vec<_> = pale.low_contrasts().iter().map(|low| (low.colour, low.against)).collect();
        assert_eq!(found, [("accent", "card"), ("accent", "background"), ("on_accent", "accent")]);
        // In a card of middling grey no text can be read.
        let grey = Palette { card: Colour::hex(0x0080_8080), ..Palette::LIGHT };
        assert!(grey.low_contrasts().iter().any(|low| low.colour == "card"), "nor an error");
    }
}
