//! Device tokens: proof that a user has signed in to this account from this device before.
//!
//! The scheme is OWASP's device cookies ("Slow Down Online Guessing Attacks with Device
//! Cookies"): an attempt that brings a token for the login it names is counted by itself, so
//! strangers who guess at the account lock out strangers only. The token signs no user in.
//!
//! `pdt_` and base64url of master id (1) ‖ issued at, seconds (8) ‖ device id (16) ‖ MAC (16).
//! The MAC covers the login too, which is not in the token.

use core::time::Duration;

use subtle::ConstantTimeEq as _;

use crate::{
    identity::Login,
    ids::DeviceId,
    secrets::{Master, Masters, NewerMaster},
};
use postern_jose::{
    encoding::{base64url, from_base64url},
    time::Timestamp,
};

/// What every token begins with, for secret scanners.
const PREFIX: &str = "pdt_";
/// Bytes kept of the HMAC: 128 bits cannot be guessed online.
const MAC_BYTES: usize = 16;
/// Master id, time, device id, MAC.
const TOKEN_BYTES: usize = 1 + 8 + 16 + MAC_BYTES;

/// How long a device is known after its last sign-in: as long as browsers keep a cookie at most
/// (RFC 6265bis section 5.5).
pub const LIFETIME: Duration = Duration::from_hours(400 * 24);

fn mac(master: &Master, issued: &[u8], device: &[u8], login: &Login) -> [u8; 32] {
    master.device.mac(&[issued, device, login.as_str().as_bytes()])
}

/// A token by which `device` is known for `login`: 59 characters.
pub fn issue(master: &Master, device: DeviceId, login: &Login, now: Timestamp) -> String {
    let issued = now.seconds().to_be_bytes();
    let mac = mac(master, &issued, device.as_bytes(), login);
    let token: Vec<u8> = [master.id]
        .iter()
        .chain(&issued)
        .chain(device.as_bytes())
        .chain(mac.iter().take(MAC_BYTES))
        .copied()
        .collect();
    let mut text = PREFIX.to_owned();
    text.push_str(&base64url(&token));
    text
}

/// The device, if the token was issued for this login under one of the masters and is not too
/// old. Without a device the caller is a stranger.
///
/// # Errors
/// [`NewerMaster`] for one that another version of the program issued.
pub fn open(
    masters: &Masters,
    token: &str,
    login: &Login,
    now: Timestamp,
) -> Result<Option<DeviceId>, NewerMaster> {
    let Some(bytes) = decode(token) else { return Ok(None) };
    let Some((id, rest)) = bytes.split_first() else { return Ok(None) };
    Ok(masters.look_up(*id)?.and_then(|master| read(master, rest, login, now)))
}

/// The bytes of a text that has the form of a token.
fn decode(token: &str) -> Option<Vec<u8>> {
    let body = token.strip_prefix(PREFIX)?;
    // Checked before decoding: nothing longer can be one of ours.
    if body.len() == (TOKEN_BYTES * 4).div_ceil(3) { from_base64url(body) } else { None }
}

fn read(master: &Master, rest: &[u8], login: &Login, now: Timestamp) -> Option<DeviceId> {
    let (issued, rest) = rest.split_first_chunk::<8>()?;
    let (device, presented) = rest.split_first_chunk::<16>()?;
    let expected = mac(master, issued, device, login);
    let genuine: bool = expected.get(..MAC_BYTES)?.ct_eq(presented).into();
    let age = now.since(Timestamp::from_seconds(u64::from_be_bytes(*issued)));
    (genuine && age < LIFETIME).then(|| DeviceId::from_bytes(*device))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::UnicodeTables;

    const DEVICE: DeviceId = DeviceId::from_bytes([5; 16]);
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn masters() -> Masters {
        Masters::new(Master::derive(2, &[2; 32]).unwrap(), vec![Master::derive(1, &[1; 32]).unwrap()])
    }

    fn login(text: &str) -> Login {
        Login::parse(text, &UnicodeTables).unwrap()
    }

    #[test]
    fn device_token_format_unchanged() {
        let token = issue(masters().current(), DEVICE, &login("alice"), NOW);
        assert_eq!(token, "pdt_AgAAAABrSdIABQUFBQUFBQUFBQUFBQUFBRqAuSJILbibdkVBszUWDWs");
    }

    #[test]
    fn a_device_is_known_for_its_own_login_and_for_400_days() {
        let token = issue(masters().current(), DEVICE, &login("alice"), NOW);
        let open = |login: &Login, now| open(&masters(), &token, login, now).unwrap();
        assert_eq!(open(&login("Alice"), NOW), Some(DEVICE));
        assert_eq!(open(&login("bob"), NOW), None, "an attacker's own token serves for his own account");
        let last = NOW.plus(LIFETIME).minus(Duration::from_secs(1));
        assert_eq!(open(&login("alice"), last), Some(DEVICE));
        assert_eq!(open(&login("alice"), NOW.plus(LIFETIME)), None);
    }

    // One of another deployment does not.
    #[test]
    fn a_device_token_of_a_former_master_still_serves() {
        let alice = login("alice");
        let former = issue(&Master::derive(1, &[1; 32]).unwrap(), DEVICE, &alice, NOW);
        assert_eq!(open(&masters(), &former, &alice, NOW), Ok(Some(DEVICE)));
        let foreign = issue(&Master::derive(2, &[9; 32]).unwrap(), DEVICE, &alice, NOW);
        assert_eq!(open(&masters(), &foreign, &alice, NOW), Ok(None));
    }

    #[test]
    fn a_token_of_a_newer_master_is_not_judged() {
        let alice = login("alice");
        let newer = issue(&Master::derive(3, &[3; 32]).unwrap(), DEVICE, &alice, NOW);
        assert_eq!(open(&masters(), &newer, &alice, NOW), Err(NewerMaster { id: 3 }));
    }

    #[test]
    fn a_token_with_any_bit_changed_is_a_strangers() {
        let alice = login("alice");
        let token = issue(masters().current(), DEVICE, &alice, NOW);
        let bytes = from_base64url(&token[4..]).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let forged = format!("pdt_{}", base64url(&forged));
            assert!(!matches!(open(&masters(), &forged, &alice, NOW), Ok(Some(_))), "bit {bit}");
        }
        for garbage in ["", "pdt_", &token[..40], &token.to_uppercase(), &format!("{token}A")] {
            assert_eq!(open(&masters(), garbage, &alice, NOW), Ok(None), "{garbage}");
        }
    }
}
