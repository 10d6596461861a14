//! Colours, and the contrast between two of them (WCAG 2.2).

use core::fmt;

/// The least contrast of text (WCAG 2.2, success criterion 1.4.3).
pub const TEXT_CONTRAST: f64 = 4.5;

/// The least contrast of the border of a field (WCAG 2.2, success criterion 1.4.11).
pub const BORDER_CONTRAST: f64 = 3.0;

/// A colour of sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Colour {
    /// From `0xRRGGBB`.
    pub(crate) const fn hex(value: u32) -> Self {
        let [_, red, green, blue] = value.to_be_bytes();
        Self { red, green, blue }
    }

    /// Reads `#rrggbb`. Other forms of CSS are not read.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        // `from_str_radix` would read a sign.
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        u32::from_str_radix(digits, 16).ok().map(Self::hex)
    }

    /// This colour with `percent` of the way to `other`.
    pub(crate) fn towards(self, other: Self, percent: u16) -> Self {
        let mix = |from: u8, to: u8| {
            let sum = u16::from(from) * (100 - percent) + u16::from(to) * percent;
            u8::try_from(sum / 100).unwrap_or(u8::MAX)
        };
        Self {
            red: mix(self.red, other.red),
            green: mix(self.green, other.green),
            blue: mix(self.blue, other.blue),
        }
    }

    /// The relative luminance, 0 to 1.
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }

    /// The contrast ratio with `other`, 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tests WCAG 2.2 success criterion 1.4.3: the contrast ratio of its definition
    #[test]
    fn contrast_is_that_of_the_standard() {
        let of = |one: &str, two: &str| Colour::parse(one).unwrap().contrast(Colour::parse(two).unwrap());
        assert!((of("#000000", "#ffffff") - 21.0).abs() < 0.001);
        assert!((of("#ffffff", "#ffffff") - 1.0).abs() < 0.001);
        // The grey that is known as the first one that passes, and the last one that does not.
        assert!(of("#767676", "#ffffff") >= TEXT_CONTRAST);
        assert!(of("#777777", "#ffffff") < TEXT_CONTRAST);
    }

    #[test]
    fn a_colour_has_one_form() {
        for text in ["#fff", "fff000", "#ggg000", "#+12345", "#12345é", "red", "", "#ffffff;}"] {
            assert_eq!(Colour::parse(text), None, "{text}");
        }
        assert_eq!(Colour::parse("#0A1b2C").map(|colour| colour.to_string()), Some("#0a1b2c".to_owned()));
    }
}
