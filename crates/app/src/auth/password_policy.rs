//! Which logins and passwords a user may choose.

use crate::{
    identity::{Login, Normalizer, Password, PasswordError},
    web::error::ApiError,
};

/// Checks a new password.
pub(crate) fn chosen_password(platform: &impl Normalizer, text: &str) -> Result<Password, ApiError> {
    Password::choose(text, platform).map_err(|error| ApiError::InvalidPassword { cause: error.to_string() })
}

/// Refuses a password that equals the login, which attackers try first.
pub(crate) fn refuse_login_as_password(password: &Password, login: &Login) -> Result<(), ApiError> {
    if password.repeats(login) {
        return Err(ApiError::InvalidPassword { cause: PasswordError::Common.to_string() });
    }
    Ok(())
}

pub(crate) fn parse_login(platform: &impl Normalizer, text: &str) -> Result<Login, ApiError> {
    Login::parse(text, platform).map_err(|error| ApiError::InvalidLogin { cause: error.to_string() })
}
