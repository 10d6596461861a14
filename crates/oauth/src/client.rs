//! Clients (RFC 6749 section 2): what each may ask for, and how it authenticates.

use std::{collections::BTreeSet, rc::Rc};

use postern_core::refresh::{DriftPolicy, Lifetimes};
use subtle::ConstantTimeEq as _;

use crate::{redirect::RegisteredRedirect, resource::Resource, scope::Scopes};

/// SHA-256 of a client secret. A plain hash is enough, because a secret has 256 random bits: there is nothing to guess.
#[derive(Clone, Copy)]
pub struct SecretDigest(pub [u8; 32]);

impl SecretDigest {
    /// Reads 64 hexadecimal digits in lower case.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        for (byte, digits) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(digest))
    }

    /// Whether the secret has this digest, in constant time.
    pub(crate) fn is_of(&self, secret: &str) -> bool {
        use sha2::{Digest as _, Sha256};
        let digest: [u8; 32] = Sha256::digest(secret).into();
        self.0.ct_eq(&digest).into()
    }
}

impl core::fmt::Debug for SecretDigest {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("SecretDigest(..)")
    }
}

/// The most redirect URIs of one client.
pub const MAX_REDIRECT_URIS: usize = 20;

/// The longest name of a client, in characters: it is on one line of a page.
pub(crate) const MAX_NAME: usize = 60;

/// Checks the name that users see of a client.
///
/// # Errors
/// The problem, in the form "must ...". It never contains the value.
pub fn check_name(name: &str) -> Result<&str, &'static str> {
    let sound = !name.is_empty()
        && name.trim() == name
        && name.chars().count() <= MAX_NAME
        && !name.chars().any(|character| character.is_control() || is_invisible(character));
    if sound {
        Ok(name)
    } else {
        Err("must be 1 to 60 characters without control characters, leading or trailing spaces")
    }
}

/// Characters that show nothing and change the order of the text around them, or hide in it (Unicode's bidirectional
/// controls, spaces of no width). The joiners are not among them: Persian and Indic names need them.
pub(crate) const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

/// How a client proves at the token endpoint that it is this client.
#[derive(Debug, Clone)]
pub enum Authentication {
    /// Not at all: its program is in the users' hands (RFC 6749 section 2.1). PKCE and the redirect URI are the proof.
    Public,
    /// By one of these secrets; two during a rotation.
    Secret(Vec<SecretDigest>),
}

/// A grant type that a client may use (RFC 7591 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantType {
    /// `authorization_code`.
    AuthorizationCode,
    /// `refresh_token`.
    RefreshToken,
}

impl GrantType {
    /// Every grant type that there is, as settings and metadata name it.
    pub const ALL: [(&'static str, Self); 2] = [
        (Self::AuthorizationCode.name(), Self::AuthorizationCode),
        (Self::RefreshToken.name(), Self::RefreshToken),
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// When a client with the grant type `refresh_token` gets a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfflineAccess {
    /// At every authorization.
    Always,
    /// When it asks for the scope `offline_access` and the user consents.
    OnRequest,
}

/// How a client came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// The operator or an administrator entered it.
    Operator,
    /// It registered itself (RFC 7591).
    Registered,
    /// Its metadata document says what it is. The `client_id` is the URL of the document.
    Document,
}

/// A client of the authorization server.
#[derive(Debug, Clone)]
pub struct Client {
    /// The `client_id`: 1 to 256 visible ASCII characters.
    pub client_id: String,
    /// How it came to be known.
    pub provenance: Provenance,
    /// The name that users see.
    pub name: String,
    /// How it authenticates.
    pub authentication: Authentication,
    /// The addresses to which answers may go, at least one.
    pub redirect_uris: Vec<RegisteredRedirect>,
    /// The scopes that it may ask for, without `offline_access`.
    pub scopes: Scopes,
    /// The resources that its tokens may be for. `None` means every known one, and, for a client of the operator, the
    /// deployment's audience.
    pub resources: Option<BTreeSet<Resource>>,
    /// The grant types that it may use.
    pub grant_types: BTreeSet<GrantType>,
    /// When it gets a refresh token.
    pub offline_access: OfflineAccess,
    /// It belongs to the operator: its users are not asked for consent, unless its redirect does not show that it is the
    /// client.
    pub first_party: bool,
    /// Whether its access tokens carry the user's roles.
    pub roles: bool,
    /// The lifetimes of its grants.
    pub lifetimes: Lifetimes,
    /// What a refresh from another place or device leads to.
    pub drift: DriftPolicy,
}

impl Client {
    /// Whether no operator or administrator entered the client. Its tokens are for protected resources alone, which are made for
    /// other people's programs, and never for the deployment's audience.
    pub const fn is_open(&self) -> bool {
        match self.provenance {
            Provenance::Operator => false,
            Provenance::Registered | Provenance::Document => true,
        }
    }

    /// Whether the client has no secret.
    pub const fn is_public(&self) -> bool {
        matches!(self.authentication, Authentication::Public)
    }

    /// Whether a refresh token goes to the client with these granted scopes.
    pub fn gets_refresh_token(&self, granted: &Scopes) -> bool {
        self.grant_types.contains(&GrantType::RefreshToken)
            && (self.offline_access == OfflineAccess::Always
                || granted.contains(crate::scope::OFFLINE_ACCESS))
    }

    /// Whether a page of this origin can be this client: it is public, and has a redirect URI of that origin. Then the page
    /// may call the token endpoint.
    pub fn has_page(&self, origin: &str) -> bool {
        self.is_public() && self.redirect_uris.iter().any(|redirect| redirect.has_origin(origin))
    }
}

/// What every client gets that no operator or administrator entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTerms {
    /// The scopes that it may ask for, without `offline_access`.
    pub scopes: Scopes,
    /// The lifetimes of its grants.
    pub lifetimes: Lifetimes,
}

/// The clients of the settings, by their ids.
#[derive(Debug, Clone, Default)]
pub struct Clients(Vec<Rc<Client>>);

impl Clients {
    /// These clients. Their ids are distinct: the settings see to it.
    pub fn new(clients: Vec<Client>) -> Self {
        Self(clients.into_iter().map(Rc::new).collect())
    }

    /// The client with this id.
    pub fn find(&self, client_id: &str) -> Option<&Rc<Client>> {
        self.0.iter().find(|client| client.client_id == client_id)
    }

    /// All of them, in the order of the settings.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.0.iter().map(Rc::as_ref)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
