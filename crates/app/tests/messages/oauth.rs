//! The messages about OAuth clients, each with all its members at least once.

use postern_app::{
    account::{
        AccountRequest, CodeChallenge, Consent, OauthRequest, PendingCode, PresentedCode, Wanted,
        memory::ORDINARY_SECRET,
    },
    ids::FamilyId,
    refresh::{Context, DriftPolicy, Grant, Lifetimes, Limits, Presented, Revocation, Secret},
};

use crate::tests::keys_support::{START, masters};

const RESOURCE: &str = "https://api.example/mcp";

fn code(challenge: CodeChallenge) -> PendingCode {
    PendingCode {
        hash: ORDINARY_SECRET.hash(),
        challenge,
        redirect_uri: "https://app.example/cb".to_owned(),
        grant: Grant {
            subject: "018f2f6e-9a3c-7c1e-8a55-0f9d3c1b2a77".to_owned(),
            client_id: "app".to_owned(),
            scope: "read".to_owned(),
            roles: Vec::new(),
            tenant_id: None,
            amr: vec!["pwd".to_owned()],
            auth_time: START,
        },
        resource: Some(RESOURCE.to_owned()),
        offline: true,
        lifetimes: Lifetimes::WEB,
        drift: DriftPolicy::SignIn { from_score: 45 },
    }
}

/// In the browser's `session`: a code is issued, refused, redeemed; its grant is refreshed, and ends by a replay.
pub(super) fn requests(session: FamilyId, context: &Context) -> Vec<AccountRequest> {
    let grant_id = FamilyId::from_bytes([4; 16]);
    let challenge = CodeChallenge([5; 32]);
    let client_id = || "app".to_owned();
    let redirect_uri = || "https://app.example/cb".to_owned();
    let resource = || Some(RESOURCE.to_owned());
    let consent = Consent {
        client_id: client_id(),
        redirect_uri: redirect_uri(),
        resource: resource(),
        scopes: vec!["read".to_owned()],
    };
    let issue =
        |session, consent| OauthRequest::IssueCode { grant_id, code: code(challenge), session, consent };
    let first = Secret::from_bytes([8; 32]);
    let redeem = |secret: &Secret, redirect_uri| OauthRequest::RedeemCode {
        grant_id,
        presented: PresentedCode {
            hash: ORDINARY_SECRET.hash(),
            client_id: client_id(),
            challenge,
            redirect_uri,
            resource: resource(),
            secret_hash: secret.hash(),
            master: 1,
        },
        context: context.clone(),
    };
    let rotate = |wanted| OauthRequest::RotateGrant {
        grant_id,
        presented: Presented {
            rotation_count: 0,
            secret_hash: first.hash(),
            successor_hash: first.successor(masters().current(), grant_id, 1).hash(),
            next_master: 1,
            client_id: Some(client_id()),
            binding: None,
        },
        limits: Limits::default(),
        context: context.clone(),
        wanted,
    };
    let inspect = OauthRequest::InspectGrant { grant_id, rotation_count: 0, secret_hash: first.hash() };
    let too_much = Wanted { scopes: Some(vec!["write".to_owned()]), resource: resource() };
    let all = vec![
        issue(grant_id, None),
        issue(session, Some(consent)),
        OauthRequest::Consent { client_id: client_id(), redirect_uri: redirect_uri(), resource: resource() },
        redeem(&first, Some("https://other.example/cb".to_owned())),
        redeem(&first, None),
        OauthRequest::Grants,
        inspect,
        rotate(too_much),
        rotate(Wanted::default()),
        redeem(&ORDINARY_SECRET, Some(redirect_uri())),
        rotate(Wanted::default()),
        OauthRequest::TakeBack { grant_id, secret_hash: first.hash() },
        OauthRequest::EndGrant { grant_id, client_id: Some(client_id()), reason: Revocation::Client },
    ];
    all.into_iter().map(AccountRequest::Oauth).collect()
}
