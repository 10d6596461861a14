//! The one normal form of a path, used for matching and for forwarding alike. Where two servers
//! could read a path differently, it is refused and not guessed at. The rules stand in
//! `docs/reference/routes.md` as a table; each has its [`PathError`].

use core::fmt;
use std::borrow::Cow;

use percent_encoding::{percent_decode_str, percent_encode_byte};

/// The longest path that is looked at, in bytes. Half of the platform's 16 KB for a URL.
pub(crate) const MAX_PATH_BYTES: usize = 8192;

/// Why a path is refused (400).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.code())]
pub enum PathError {
    /// Does not start with a slash.
    NotAbsolute,
    /// Longer than [`MAX_PATH_BYTES`].
    TooLong,
    /// A `.` or `..` segment, written plainly or as `%2e`.
    DotSegment,
    /// Two slashes in a row: some servers join them.
    EmptySegment,
    /// `%2f` or `%5c`: some servers decode before they split.
    EncodedSeparator,
    /// A backslash: some servers take it for a slash.
    Backslash,
    /// A semicolon, plain or as `%3b`: servlet containers cut the segment off there.
    Semicolon,
    /// A control character, `%00` and the like included.
    Control,
    /// `%` without two hexadecimal digits.
    BadEscape,
    /// `%25` before two hexadecimal digits: decoded twice, another character stands there.
    DoubleEncoding,
    /// A character that best-fit tables or compatibility forms of Unicode turn into `/`, `\\`,
    /// `;` or `%`, or dots of that kind that make a `.` or `..` segment.
    LookAlike,
    /// The decoded bytes are no UTF-8: overlong forms such as `%c0%af`.
    NotUtf8,
    /// A `?` or `#`: not a path alone.
    NotOnlyPath,
}

impl PathError {
    /// Stable name for logs and tests.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::NotAbsolute => "not_absolute",
            Self::TooLong => "too_long",
            Self::DotSegment => "dot_segment",
            Self::EmptySegment => "empty_segment",
            Self::EncodedSeparator => "encoded_separator",
            Self::Backslash => "backslash",
            Self::Semicolon => "semicolon",
            Self::Control => "control_character",
            Self::BadEscape => "bad_escape",
            Self::DoubleEncoding => "double_encoding",
            Self::LookAlike => "look_alike",
            Self::NotUtf8 => "not_utf8",
            Self::NotOnlyPath => "not_only_path",
        }
    }
}

/// A path in normal form: only [`NormalPath::parse`] makes one.
///
/// It starts with a slash, holds only characters that RFC 3986 lets stand in a path and escapes
/// with upper-case digits, and no parser of URLs changes it any more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NormalPath(String);

impl NormalPath {
    /// Brings a path (without query) into normal form, or refuses it.
    pub fn parse(raw: &str) -> Result<Self, PathError> {
        if raw.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong);
        }
        if !raw.starts_with('/') {
            return Err(PathError::NotAbsolute);
        }
        let mut text = String::with_capacity(raw.len());
        let mut bytes = raw.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'/' => text.push('/'),
                b'%' => {
                    let digits = (bytes.next().and_then(hex_digit), bytes.next().and_then(hex_digit));
                    let (Some(high), Some(low)) = digits else { return Err(PathError::BadEscape) };
                    let decoded = high << 4 | low;
                    if let Some(error) = refused(decoded) {
                        return Err(match decoded {
                            b'/' | b'\\' => PathError::EncodedSeparator,
                            _ => error,
                        });
                    }
                    if is_unreserved(decoded) {
                        text.push(char::from(decoded));
                    } else {
                        push_escape(&mut text, decoded);
                    }
                }
                b'?' | b'#' => return Err(PathError::NotOnlyPath),
                _ if is_segment_character(byte) => text.push(char::from(byte)),
                _ => match refused(byte) {
                    Some(error) => return Err(error),
                    None => push_escape(&mut text, byte),
                },
            }
        }
        check(&text)?;
        Ok(Self(text))
    }

    /// The text, as it is forwarded.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments between the slashes, still escaped. A trailing slash gives a last empty
    /// one: `/` has one empty segment, `/a/` has `a` and the empty one.
    pub(crate) fn escaped_segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').skip(1)
    }

    /// The segments decoded: what is matched, so that `/a%21` and `/a!`, which are one path to
    /// an upstream, are one path to the route table.
    pub(crate) fn segments(&self) -> Vec<Cow<'_, str>> {
        self.escaped_segments().map(decode).collect()
    }
}

impl fmt::Display for NormalPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What can only be seen in the whole: after unreserved characters are decoded, or else
/// `%25%32%65` would turn into `%252e` behind the check's back.
fn check(text: &str) -> Result<(), PathError> {
    let mut segments = text.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if segment == "." || segment == ".." {
            return Err(PathError::DotSegment);
        }
        if segment.is_empty() && segments.peek().is_some() {
            return Err(PathError::EmptySegment);
        }
    }
    for after in text.split("%25").skip(1) {
        let mut digits = after.bytes().map(hex_digit);
        if let (Some(Some(_)), Some(Some(_))) = (digits.next(), digits.next()) {
            return Err(PathError::DoubleEncoding);
        }
    }
    if !text.contains('%') {
        return Ok(());
    }
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| PathError::NotUtf8)?;
    check_look_alikes(&decoded)
}

/// Holds characters outside ASCII against what careless servers make of them: Windows' best-fit
/// tables, and the forms NFC and NFKC of Unicode: fraction and division slashes, fullwidth and
/// small forms, letters with a slash between them, the Greek question mark (a semicolon by NFC).
fn check_look_alikes(decoded: &str) -> Result<(), PathError> {
    for segment in decoded.split('/') {
        let mut dots = Some(0_u8);
        for character in segment.chars() {
            if matches!(
                character,
                '\u{2044}'
                    | '\u{2215}'
                    | '\u{2216}'
                    | '\u{29f5}'
                    | '\u{29f8}'
                    | '\u{29f9}'
                    | '\u{ff0f}'
                    | '\u{ff3c}'
                    | '\u{fe68}'
                    | '\u{2100}'
                    | '\u{2101}'
                    | '\u{2105}'
                    | '\u{2106}'
                    | '\u{37e}'
                    | '\u{fe14}'
                    | '\u{fe54}'
                    | '\u{ff1b}'
                    | '\u{fe6a}'
                    | '\u{ff05}'
            ) {
                return Err(PathError::LookAlike);
            }
            dots = match (character, dots) {
                ('.' | '\u{2024}' | '\u{fe52}' | '\u{ff0e}', Some(dots)) => Some(dots.saturating_add(1)),
                ('\u{2025}', Some(dots)) => Some(dots.saturating_add(2)),
                _ => None,
            };
        }
        // Plain ones were refused before.
        if matches!(dots, Some(1 | 2)) {
            return Err(PathError::LookAlike);
        }
    }
    Ok(())
}

/// Characters that are refused wherever they stand in a segment.
const fn refused(byte: u8) -> Option<PathError> {
    match byte {
        0..=0x1f | 0x7f => Some(PathError::Control),
        b'\\' => Some(PathError::Backslash),
        b'/' => Some(PathError::EncodedSeparator),
        b';' => Some(PathError::Semicolon),
        _ => None,
    }
}

/// RFC 3986 section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// `pchar` of RFC 3986 section 3.3 without the semicolon.
const fn is_segment_character(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@')
}

const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Appends `%XX` with upper-case digits (RFC 3986 section 6.2.2.1).
fn push_escape(text: &mut String, byte: u8) {
    text.push_str(percent_encode_byte(byte));
}

fn decode(segment: &str) -> Cow<'_, str> {
    if segment.contains('%') {
        // Checked to be UTF-8 when the path was made, so nothing is lost.
        percent_decode_str(segment).decode_utf8_lossy()
    } else {
        Cow::Borrowed(segment)
    }
}

#[cfg(test)]
#[cfg(feature = "thorough")]
#[path = "path/properties.rs"]
pub(crate) mod properties;
#[cfg(test)]
#[path = "path/tests.rs"]
pub(crate) mod tests;
