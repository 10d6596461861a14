//! Which logins and passwords a user may choose.

use crate::{
    identity::{Login, Normalizer, Password, PasswordError},
    web::error::ApiError,
};

/// Checks a new password.
pub(crate) fn chosen_password(platform: &impl Normalizer, text: &str) -> Result<Password, ApiError> {
    Password::choose(text, platform).map_err(|cause| ApiError::InvalidPassword { cause })
}

/// Refuses a password that equals the login, which attackers try first.
pub(crate) fn refuse_login_as_password(password: &Password, login: &Login) -> Result<(), ApiError> {
    if password.repeats(login) {
        return Err(ApiError::InvalidPassword { cause: PasswordError::Common });
    }
    Ok(())
}

pub(crate) fn parse_login(platform: &impl Normalizer, text: &str) -> Result<Login, ApiError> {
    Login::parse(text, platform).map_err(|cause| ApiError::InvalidLogin { cause })
}
