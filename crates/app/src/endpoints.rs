//! TODO

use crate::{http::ERRORS_PATH, web::paths::JWKS_PATH};

/// One of our own endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Register,
    Login,
    Refresh,
    Csrf,
    Logout,
    LogoutAll,
    Sessions,
    Session(String),
    Me,
    Password,
    ResetRequest,
    Reset,
    VerificationRequest,
    VerifyEmail,
    Activity,
    Export,
    DeleteAccount,
    Jwks,
    Health,
    Ready,
    Metrics,
    Errors,
}

impl Endpoint {
    pub(crate) fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/auth/register" => Self::Register,
            "/auth/login" => Self::Login,
            "/auth/refresh" => Self::Refresh,
            "/auth/csrf" => Self::Csrf,
            "/auth/logout" => Self::Logout,
            "/auth/logout-all" => Self::LogoutAll,
            "/auth/sessions" => Self::Sessions,
            "/auth/me" => Self::Me,
            "/auth/password" => Self::Password,
            "/auth/password/reset-request" => Self::ResetRequest,
            "/auth/password/reset" => Self::Reset,
            "/auth/email/verification-request" => Self::VerificationRequest,
            "/auth/email/verify" => Self::VerifyEmail,
            "/auth/activity" => Self::Activity,
            "/auth/account/export" => Self::Export,
            "/auth/account/delete" => Self::DeleteAccount,
            ERRORS_PATH => Self::Errors,
            JWKS_PATH => Self::Jwks,
            "/healthz" => Self::Health,
            "/readyz" => Self::Ready,
            "/metrics" => Self::Metrics,
            _ => {
                let id = path.strip_prefix("/auth/sessions/")?;
                if id.is_empty() || id.contains('/') {
                    return None;
                }
                Self::Session(id.to_owned())
            }
        })
    }

    /// The value of `Allow`.
    pub(crate) const fn allow(&self) -> &'static str {
        match self {
            Self::Register
            | Self::Login
            | Self::Refresh
            | Self::Logout
            | Self::LogoutAll
            | Self::Password
            | Self::ResetRequest
            | Self::Reset
            | Self::VerificationRequest
            | Self::VerifyEmail
            | Self::DeleteAccount => "POST, OPTIONS",
            Self::Session(_) => "DELETE, OPTIONS",
            Self::Sessions => "GET, HEAD, DELETE, OPTIONS",
            Self::Csrf
            | Self::Me
            | Self::Activity
            | Self::Export
            | Self::Jwks
            | Self::Health
            | Self::Ready
            | Self::Metrics
            | Self::Errors => "GET, HEAD, OPTIONS",
        }
    }

    pub(crate) fn takes(&self, method: &str) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method)
    }

    /// Whether pages of listed origins may call it with credentials. Public documents are
    /// for everybody.
    pub(crate) const fn is_public(&self) -> bool {
        matches!(self, Self::Jwks | Self::Health | Self::Ready | Self::Errors)
    }
}

#[cfg(test)]
#[cfg(feature = "thorough")]
impl Endpoint {
    /// Every endpoint and its path, for the check of `docs/reference/openapi.yaml`. A new variant does not
    /// compile until it is here.
    pub(crate) fn every() -> Vec<(&'static str, Self)> {
        use Endpoint::{
            Activity, Csrf, DeleteAccount, Errors, Export, Health, Jwks, Login, Logout, LogoutAll, Me,
            Metrics, Password, Ready, Refresh, Register, Reset, ResetRequest, Session, Sessions,
            VerificationRequest, VerifyEmail,
        };
        let all = vec![
            ("/auth/register", Register),
            ("/auth/login", Login),
            ("/auth/refresh", Refresh),
            ("/auth/csrf", Csrf),
            ("/auth/logout", Logout),
            ("/auth/logout-all", LogoutAll),
            ("/auth/sessions", Sessions),
            ("/auth/sessions/{session_id}", Session("s".to_owned())),
            ("/auth/me", Me),
            ("/auth/password", Password),
            ("/auth/password/reset-request", ResetRequest),
            ("/auth/password/reset", Reset),
            ("/auth/email/verification-request", VerificationRequest),
            ("/auth/email/verify", VerifyEmail),
            ("/auth/activity", Activity),
            ("/auth/account/export", Export),
            ("/auth/account/delete", DeleteAccount),
            (ERRORS_PATH, Errors),
            (JWKS_PATH, Jwks),
            ("/healthz", Health),
            ("/readyz", Ready),
            ("/metrics", Metrics),
        ];
        for (_, endpoint) in &all {
            match endpoint {
                Activity | Csrf | DeleteAccount | Errors | Export | Health | Jwks | Login | Logout
                | LogoutAll | Me | Metrics | Password | Ready | Refresh | Register | Reset | ResetRequest
                | Session(_) | Sessions | VerificationRequest | VerifyEmail => {}
            }
        }
        all
    }
}
