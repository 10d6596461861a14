//! What an endpoint calls.

/// The handler of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Register,
    Login,
    Refresh,
    Csrf,
    Logout,
    LogoutAll,
    Sessions,
    EndOtherSessions,
    EndSession,
    Me,
    ChangePassword,
    RequestReset,
    ResetPassword,
    RequestVerification,
    VerifyEmail,
    Activity,
    ExportAccount,
    DeleteAccount,
    Grants,
    EndGrant,
    Token,
    RevokeToken,
    Introspect,
    RegisterClient,
    Metadata,
    Jwks,
    Health,
    Ready,
    Metrics,
    Errors,
    Page(PageCall),
    Admin(AdminCall),
    Dashboard(DashboardCall),
}

/// A page of the administrators' dashboard, or its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DashboardCall {
    Home,
    Overview,
    Cost,
    Users,
    User,
    Clients,
    Client,
    Routes,
    Issuers,
    Keys,
    Revocations,
    Limits,
    Audit,
    /// The page that asks once before a change.
    Confirm,
    /// Its form, which makes the change.
    Change,
}

/// A page, or a form of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageCall {
    ShowSignIn,
    SignIn,
    ShowSignUp,
    SignUp,
    ShowForgotten,
    Forgotten,
    ShowNewPassword,
    NewPassword,
    ShowVerifyAddress,
    VerifyAddress,
    ShowSignOut,
    SignOut,
    ShowApplications,
    EndAccess,
    /// `GET /oauth/authorize`.
    Authorize,
    /// `POST /oauth/authorize`.
    AuthorizeByForm,
    Consent,
}

impl PageCall {
    /// Whether it is a posted form.
    pub(crate) const fn is_posted(self) -> bool {
        match self {
            Self::ShowSignIn
            | Self::ShowSignUp
            | Self::ShowForgotten
            | Self::ShowNewPassword
            | Self::ShowVerifyAddress
            | Self::ShowSignOut
            | Self::ShowApplications
            | Self::Authorize => false,
            Self::SignIn
            | Self::SignUp
            | Self::Forgotten
            | Self::NewPassword
            | Self::VerifyAddress
            | Self::SignOut
            | Self::EndAccess
            | Self::AuthorizeByForm
            | Self::Consent => true,
        }
    }
}

/// The paths of the pages. They are below `/auth`, which was Postern's own before there were pages, and where the device
/// cookie is sent.
pub(crate) mod page_paths {
    pub(crate) const SIGN_IN: &str = "/auth/sign-in";
    pub(crate) const SIGN_UP: &str = "/auth/sign-up";
    pub(crate) const FORGOTTEN: &str = "/auth/forgotten-password";
    pub(crate) const NEW_PASSWORD: &str = "/auth/new-password";
    pub(crate) const VERIFY_ADDRESS: &str = "/auth/verify-address";
    pub(crate) const SIGN_OUT: &str = "/auth/sign-out";
    pub(crate) const APPLICATIONS: &str = "/auth/applications";
    pub(crate) const CONSENT: &str = "/auth/consent";
}

/// An administrator's call, by the place of its target, which the audit log records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AdminCall {
    /// The path names it.
    ByPath(ByPath),
    /// The body names it.
    ByBody(ByBody),
}

/// The administrators' calls whose path names the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByPath {
    Keys,
    RotateKeys,
    RevokeKey,
    Users,
    User,
    DisableUser,
    EnableUser,
    EraseUser,
    UserSessions,
    EndUserSession,
    EndUserSessions,
    ResetUser,
    UserGrants,
    EndUserGrant,
    UserActivity,
    Issuers,
    Routes,
    ExplainRoute,
    ReplaceRoutes,
    Audit,
    Throttle,
    History,
    Clients,
    Client,
    DeleteClient,
    RotateClientSecret,
    EndClientSecret,
    DisableClient,
    EnableClient,
}

/// The administrators' calls whose body names the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByBody {
    AddUser,
    ImportUsers,
    SetGrants,
    AmendGrants,
    Revoke,
    ClearThrottle,
    RefreshIssuer,
    AddClient,
    ReplaceClient,
}
