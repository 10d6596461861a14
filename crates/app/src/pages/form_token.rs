//! Form tokens: a form is accepted only from the browser that it was shown to.
//!
//! The browser has a random id in a cookie that no other host can set, and the form has a token made for this id, this
//! address and this time. So neither another site nor a sibling host can post a form of a visitor, or sign them in as
//! another user.

use core::time::Duration;

use crate::{
    config::cookie_names::FORM_COOKIE,
    encoding::from_base64url,
    http::RequestView,
    ids::{BrowserId, QuestionId},
    ports::{Fault, Randomness},
    secrets::{Master, Masters, NewerMaster},
    time::Timestamp,
    web::{bound_token, cookies},
};

/// The number of random bytes in a token. They only make two tokens of one browser differ (BREACH).
const NONCE_BYTES: usize = 16;

/// Time in seconds, nonce.
const CONTENT_BYTES: usize = 8 + NONCE_BYTES;

/// How long a form may stay open: a day, so that a page that was left open overnight still works.
pub(crate) const FORM_LIFETIME: Duration = Duration::from_hours(24);

/// The browser's id from its cookie.
pub(crate) fn browser(request: &impl RequestView) -> Option<BrowserId> {
    cookies::values(request, FORM_COOKIE).first()?.parse().ok()
}

/// The `Set-Cookie` line that gives a browser its id, until it is closed. It is `Lax`, because the page may be opened from
/// another site, and a second page would then make the forms of the first void.
pub(crate) fn browser_cookie(browser: BrowserId) -> String {
    format!("{FORM_COOKIE}={browser}; Path=/; HttpOnly; Secure; SameSite=Lax")
}

fn mac(master: &Master, signed: &[u8; CONTENT_BYTES], browser: BrowserId, address: &str) -> [u8; 32] {
    master.page_form.mac(&[signed, browser.as_bytes(), address.as_bytes()])
}

/// A new token for the form that this browser posts to this address: 55 base64url characters.
pub(crate) fn issue(
    master: &Master,
    browser: BrowserId,
    address: &str,
    now: Timestamp,
    randomness: &impl Randomness,
) -> Result<String, Fault> {
    let mut signed = [0; CONTENT_BYTES];
    let (time, nonce) = signed.split_at_mut(8);
    time.copy_from_slice(&now.seconds().to_be_bytes());
    randomness.fill(nonce)?;
    Ok(bound_token::seal(master, &signed, &mac(master, &signed, browser, address)))
}

/// When `token` was issued to this browser for this address. `None` if it was not, or longer ago than `lifetime`.
///
/// # Errors
/// Returns [`NewerMaster`] for a token that a newer version of the deployment issued.
pub(crate) fn verify(
    masters: &Masters,
    browser: BrowserId,
    address: &str,
    (now, lifetime): (Timestamp, Duration),
    token: &str,
) -> Result<Option<Timestamp>, NewerMaster> {
    let content =
        bound_token::open(masters, token, |master, content| mac(master, content, browser, address))?;
    let issued_at = content.and_then(|content| {
        let (time, _) = content.split_first_chunk()?;
        Some(Timestamp::from_seconds(u64::from_be_bytes(*time)))
    });
    Ok(issued_at.filter(|issued_at| now < issued_at.plus(lifetime)))
}

/// The question that a token stands for, by its nonce. Only for a token that [`verify`] accepts.
pub(crate) fn question_of(token: &str) -> Option<QuestionId> {
    let bytes = from_base64url(token)?;
    Some(QuestionId::from_bytes(*bytes.get(1 + 8..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;

    impl Randomness for Zeros {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
            buffer.fill(0);
            Ok(())
        }
    }

    const BROWSER: BrowserId = BrowserId::from_bytes([5; 16]);
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn masters() -> Masters {
        Masters::new(Master::derive(2, &[2; 32]).unwrap(), vec![Master::derive(1, &[1; 32]).unwrap()])
    }

    fn token() -> String {
        issue(masters().current(), BROWSER, "/auth/sign-in", NOW, &Zeros).unwrap()
    }

    fn serves(browser: BrowserId, address: &str, now: Timestamp, token: &str) -> bool {
        verify(&masters(), browser, address, (now, FORM_LIFETIME), token) == Ok(Some(NOW))
    }

    // Tests RFC 6749 section 10.12: a form is bound to the user agent that it was shown to
    #[test]
    fn a_form_token_serves_its_own_browser_and_address_only() {
        let token = token();
        assert!(serves(BROWSER, "/auth/sign-in", NOW, &token));
        // The attack: a token from the attacker's own browser in a form on the attacker's site.
        assert!(!serves(BrowserId::from_bytes([6; 16]), "/auth/sign-in", NOW, &token));
        assert!(!serves(BROWSER, "/auth/sign-out", NOW, &token));
        for wrong in ["", "A", &token[1..], &token.replace('A', "B")] {
            assert!(!serves(BROWSER, "/auth/sign-in", NOW, wrong), "{wrong}");
        }
    }

    #[test]
    fn a_form_token_serves_for_a_day() {
        let token = token();
        let almost = FORM_LIFETIME.saturating_sub(Duration::from_secs(1));
        assert!(serves(BROWSER, "/auth/sign-in", NOW.plus(almost), &token));
        assert!(!serves(BROWSER, "/auth/sign-in", NOW.plus(FORM_LIFETIME), &token));
    }

    #[test]
    fn a_form_token_of_a_newer_master_is_not_judged() {
        let newer = issue(&Master::derive(3, &[3; 32]).unwrap(), BROWSER, "/", NOW, &Zeros).unwrap();
        assert_eq!(
            verify(&masters(), BROWSER, "/", (NOW, FORM_LIFETIME), &newer),
            Err(NewerMaster { id: 3 })
        );
        let former = issue(&Master::derive(1, &[1; 32]).unwrap(), BROWSER, "/", NOW, &Zeros).unwrap();
        assert!(serves(BROWSER, "/", NOW, &former));
    }
}
