//! The text form of tokens in forms and pages: base64url of `master id (1) ‖ content ‖ MAC (16)`. The MAC is made over the
//! content and what the token is bound to, so a token serves nothing else.

use subtle::ConstantTimeEq as _;

use crate::{
    encoding::{base64url, from_base64url},
    secrets::{Master, Masters, NewerMaster},
};

/// The number of HMAC bytes in a token. 128 bits cannot be guessed online.
const MAC_BYTES: usize = 16;

/// The text of a token with this content.
pub(crate) fn seal(master: &Master, content: &[u8], mac: &[u8; 32]) -> String {
    let kept = mac.iter().take(MAC_BYTES);
    let token: Vec<u8> = [master.id].iter().chain(content).chain(kept).copied().collect();
    base64url(&token)
}

/// The content of a token that one of the masters made. `mac` is over the content and what the token must be bound to.
///
/// # Errors
/// Returns [`NewerMaster`] for a token that a newer version of the deployment issued.
pub(crate) fn open<const CONTENT: usize>(
    masters: &Masters,
    token: &str,
    mac: impl FnOnce(&Master, &[u8; CONTENT]) -> [u8; 32],
) -> Result<Option<[u8; CONTENT]>, NewerMaster> {
    // Checked before decoding: nothing longer can be one of ours.
    if token.len() != ((1 + CONTENT + MAC_BYTES) * 4).div_ceil(3) {
        return Ok(None);
    }
    let Some(bytes) = from_base64url(token) else { return Ok(None) };
    let Some((id, rest)) = bytes.split_first() else { return Ok(None) };
    let Some((content, presented)) = rest.split_first_chunk::<CONTENT>() else { return Ok(None) };
    let Some(master) = masters.look_up(*id)? else { return Ok(None) };
    let expected = mac(master, content);
    let Some(expected) = expected.get(..MAC_BYTES) else { return Ok(None) };
    Ok(bool::from(expected.ct_eq(presented)).then_some(*content))
}
