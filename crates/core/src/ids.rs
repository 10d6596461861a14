//! Identifiers: 16 random bytes each, written as 22 characters of base64url.

use core::{fmt, str::FromStr};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize, de::Error as _};
use sha2::{Digest as _, Sha256};

use crate::ports::{Fault, Randomness};

/// The text is not an identifier: 22 characters of unpadded base64url for 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of 22 base64url characters")]
pub struct MalformedId;

macro_rules! identifier {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// From the 16 bytes themselves.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// A new one.
            ///
            /// # Errors
            /// A [`Fault`] of the source of random bytes.
            pub fn random(randomness: &impl Randomness) -> Result<Self, Fault> {
                let mut bytes = [0; 16];
                randomness.fill(&mut bytes)?;
                Ok(Self(bytes))
            }

            /// The 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&Base64UrlUnpadded::encode_string(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                let mut bytes = [0; 16];
                match Base64UrlUnpadded::decode(text, &mut bytes) {
                    Ok(decoded) if decoded.len() == 16 => Ok(Self(bytes)),
                    _ => Err(MalformedId),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

identifier! {
    /// Names one Account object, and with it one subject: the user's id for users kept here.
    AccountId
}
impl AccountId {
    /// The account of a subject who is kept elsewhere: the first 16 bytes of SHA-256 over
    /// `postern/v1/account`, issuer and subject, each ended by a zero byte but the last.
    pub fn of_subject(issuer: &str, subject: &str) -> Self {
        let mut hash = Sha256::new();
        for part in ["postern/v1/account", "\0", issuer, "\0", subject] {
            hash.update(part);
        }
        let [id @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _]: [u8; 32] = hash.finalize().into();
        Self(id)
    }
}

identifier! {
    /// Names one refresh family, which is the session: the `sid` of its access tokens.
    FamilyId
}
identifier! {
    /// Names one device that a user signed in from, for one login.
    DeviceId
}

identifier! {
    /// Names one browser to which a page of ours was shown. It is in a cookie and nowhere else.
    BrowserId
}

identifier! {
    /// Names one question to a user, such as that for consent, which they answer once.
    QuestionId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_survives_its_text_form() {
        let id = FamilyId::from_bytes(*b"0123456789abcdef");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id}\""));
    }

    #[test]
    fn account_of_subject_format_unchanged() {
        let id = AccountId::of_subject("https://id.example.com", "42");
        assert_eq!(id.to_string(), "m4Ry5ZGMIkDRcbpLELUlQA");
        assert_ne!(id, AccountId::of_subject("https://id.example.com", "43"));
        assert_ne!(id, AccountId::of_subject("https://other.example.com", "42"));
    }

    #[test]
    fn a_text_of_another_length_or_alphabet_is_no_identifier() {
        for text in [
            "",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAA+/",
            "AAAAAAAAAAAAAAAAAAAAAB",
        ] {
            assert_eq!(text.parse::<FamilyId>(), Err(MalformedId), "{text}");
        }
    }
}
