//! Judges an access token as the gate with these settings would, for `postern token inspect --settings`. All steps are
//! those of the gate (`access::judging`); only the keys come from elsewhere.

use crate::{
    access::{
        judging::{Chosen, choose},
        refused::{AccessRefused, Invalid},
    },
    config::ExternalIssuer,
    gate::explain::Explainer,
    gateway::Identity,
    jose::{JwkSet, KnownHeaders, SignatureAlgorithm, SignatureVerifier, verify},
    ports::Fault,
    time::Timestamp,
};

/// A token of an issuer that these settings trust.
#[derive(Debug)]
pub struct Candidate<'a> {
    chosen: Chosen<'a>,
    headers: KnownHeaders,
    explainer: &'a Explainer,
}

/// Why the gate refuses a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// The stable code, as in the log.
    pub code: &'static str,
    /// The cause as a sentence.
    pub text: String,
    /// The part of the token that caused the refusal, such as `claim sub` or `header member typ`.
    pub about: String,
    /// The expected value, if a short text can describe it.
    pub expected: Option<&'static str>,
    /// The path of the setting that would change the answer, such as `POSTERN_ISSUERS[0].audiences`. `None` means that
    /// no setting lets such a token pass.
    pub setting: Option<String>,
}

impl Explainer {
    /// Parses a token and finds its issuer among the trusted ones.
    ///
    /// # Errors
    /// Returns the cause for which the gate refuses the token before it looks for a key.
    pub fn candidate<'a>(&'a self, token: &'a str) -> Result<Candidate<'a>, Why> {
        let headers = self.headers();
        match choose(token, &headers, self.issuers(), &self.config().issuer) {
            Ok(chosen) => Ok(Candidate { chosen, headers, explainer: self }),
            Err(invalid) => Err(self.why(&invalid)),
        }
    }

    fn why(&self, invalid: &Invalid) -> Why {
        let entry = |issuer: &str| self.config().issuers.iter().position(|one| one.issuer == issuer);
        let setting = invalid.setting().map(|setting| match &invalid.issuer {
            Some((issuer, false)) if !setting.starts_with("POSTERN_") => match entry(issuer) {
                Some(index) => format!("POSTERN_ISSUERS[{index}].{setting}"),
                None => setting.to_owned(),
            },
            _ => setting.to_owned(),
        });
        Why {
            code: invalid.cause.code(),
            text: invalid.cause.to_string(),
            about: invalid.about(),
            expected: invalid.cause.expected(),
            setting,
        }
    }
}

impl Candidate<'_> {
    /// The token's issuer.
    pub fn issuer(&self) -> &str {
        &self.chosen.issuer.trusted.policy.issuer
    }

    /// The settings of the issuer. `None` means this deployment.
    pub fn external(&self) -> Option<&ExternalIssuer> {
        self.explainer
            .config()
            .issuers
            .iter()
            .find(|one| one.issuer == self.issuer() && !self.chosen.issuer.own)
    }

    /// The algorithms that the issuer may use.
    pub fn algorithms(&self) -> &[SignatureAlgorithm] {
        &self.chosen.issuer.trusted.policy.algorithms
    }

    /// The identity, if one of these keys signed the token and the issuer's policy accepts it. Only the running Worker
    /// can check revocation.
    ///
    /// # Errors
    /// Returns the cause for which the gate refuses the token, or `fault` if the verifier failed.
    pub async fn judge(
        &self,
        keys: &JwkSet,
        crypto: &impl SignatureVerifier<Error: Into<Fault>>,
        now: Timestamp,
    ) -> Result<Identity, Why> {
        let refused = |refused| match refused {
            AccessRefused::Invalid(invalid) => self.explainer.why(&invalid),
            AccessRefused::Token(code) => {
                Why { code, text: code.to_owned(), about: "token".to_owned(), expected: None, setting: None }
            }
            AccessRefused::Fault(fault) => Why {
                code: "fault",
                text: fault.to_string(),
                about: "signature".to_owned(),
                expected: None,
                setting: None,
            },
        };
        let verified = verify(&self.chosen.token, keys, crypto).await;
        let accepted =
            self.chosen.accept(verified, &self.headers, Some(self.explainer.gate()), now).map_err(refused)?;
        Ok(accepted.identity)
    }
}
