//! TLS that refuses every connection.
//!
//! `worker-build` can download wasm-bindgen, wasm-opt and esbuild when it is not told where they
//! are. Postern always tells it, so it never needs TLS; but linking the real `native-tls` would ask
//! a newcomer for the OpenSSL headers. This stand-in has only the names that `ureq` 3 uses. It makes
//! "the build downloads nothing over TLS" a property of the binary and not of our settings.
#![forbid(unsafe_code)]

use std::fmt;
use std::io::{self, Read, Write};

/// The only error there is: this build of the tool does not connect.
#[derive(Debug)]
pub struct Error(());

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this worker-build was compiled without TLS, because Postern's build downloads nothing; \
             see that WASM_BINDGEN_BIN, WASM_OPT_BIN and ESBUILD_BIN point at installed programs",
        )
    }
}

impl std::error::Error for Error {}

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// How a handshake ends: always in `Failure`.
#[derive(Debug)]
pub enum HandshakeError<S> {
    /// Refused.
    Failure(Error),
    /// Named by callers, never made.
    WouldBlock(MidHandshakeTlsStream<S>),
}

/// Has no values, so nothing that holds one can be made.
#[derive(Debug)]
enum Never {}

/// A handshake under way: has no values.
#[derive(Debug)]
pub struct MidHandshakeTlsStream<S> {
    _stream: S,
    _never: Never,
}

/// A connection: has no values.
#[derive(Debug)]
pub struct TlsStream<S> {
    stream: S,
    never: Never,
}

impl<S> TlsStream<S> {
    /// The transport underneath.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S> Read for TlsStream<S> {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        match self.never {}
    }
}

impl<S> Write for TlsStream<S> {
    fn write(&mut self, _buffer: &[u8]) -> io::Result<usize> {
        match self.never {}
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.never {}
    }
}

/// A certificate that nobody will look at.
#[derive(Clone)]
pub struct Certificate(());

impl Certificate {
    /// Refuses.
    pub fn from_der(_der: &[u8]) -> Result<Self> {
        Err(Error(()))
    }
}

/// A client's identity that nobody will present.
#[derive(Clone)]
pub struct Identity(());

impl Identity {
    /// Refuses.
    pub fn from_pkcs8(_certificates: &[u8], _key: &[u8]) -> Result<Self> {
        Err(Error(()))
    }
}

/// Accepts settings and forgets them.
#[derive(Default)]
pub struct TlsConnectorBuilder(());

#[allow(missing_docs)]
impl TlsConnectorBuilder {
    pub fn danger_accept_invalid_certs(&mut self, _on: bool) -> &mut Self {
        self
    }

    pub fn danger_accept_invalid_hostnames(&mut self, _on: bool) -> &mut Self {
        self
    }

    pub fn disable_built_in_roots(&mut self, _on: bool) -> &mut Self {
        self
    }

    pub fn add_root_certificate(&mut self, _certificate: Certificate) -> &mut Self {
        self
    }

    pub fn identity(&mut self, _identity: Identity) -> &mut Self {
        self
    }

    pub fn use_sni(&mut self, _on: bool) -> &mut Self {
        self
    }

    /// A connector that refuses.
    pub fn build(&self) -> Result<TlsConnector> {
        Ok(TlsConnector(()))
    }
}

/// Refuses to connect.
#[derive(Clone, Debug)]
pub struct TlsConnector(());

impl TlsConnector {
    /// Settings to forget.
    pub fn builder() -> TlsConnectorBuilder {
        TlsConnectorBuilder::default()
    }

    /// Refuses, without a byte sent.
    pub fn connect<S>(&self, _domain: &str, _stream: S) -> std::result::Result<TlsStream<S>, HandshakeError<S>>
    where
        S: Read + Write,
    {
        Err(HandshakeError::Failure(Error(())))
    }
}
