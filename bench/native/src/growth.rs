//! The same things over sizes: what a curve is made of.

use core::hint::black_box;

use postern_app::{
    account::{
        Account, AccountRequest,
        memory::{ORDINARY_SECRET, ordinary_sign_in},
    },
    config::Config,
    gateway::Gate,
    ids::FamilyId,
    jose::{JwkSet, SignatureAlgorithm, UnverifiedToken},
    jwt::validate,
    ports::{Records as _, memory::MemoryRecords},
    refresh::{Context, Limits, Presented, SecretHash},
    revocation::FeedCopy,
    time::Timestamp,
};

use crate::{
    Case,
    domain::{feed, identity, policy, request},
    parts::{NOW, key_set, routes, routes_setting, token_of, vars, verified},
};

fn over_routes(cases: &mut Vec<Case>) {
    for size in [10, 100, 1_000] {
        let gate = || Gate::new(routes(size), vec!["__Secure-postern_refresh".into()]);
        let last = format!("/api/service-{}/7", size - 1);
        let (found, unknown, planning) = (gate(), gate(), gate());
        cases.push(Case::new("routes: find the last", size, move || {
            black_box(found.find("GET", "api.example.com", black_box(&last)));
        }));
        cases.push(Case::new("routes: find none", size, move || {
            black_box(unknown.find("GET", "api.example.com", black_box("/api/elsewhere/7")));
        }));
        let (request, identity) = (request(), identity());
        cases.push(Case::new("routes: plan the headers", size, move || {
            let route = planning.routes().last().expect("there is one");
            black_box(planning.plan(route, &request, Some(&identity)).is_ok());
        }));
        let vars = vars(routes_setting(size));
        cases.push(Case::new("routes: read and compile the table, once an isolate", size, move || {
            let config = Config::from_vars(&vars).expect("sound");
            black_box(Gate::new(config.routes, Vec::new()));
        }));
    }
}

fn over_keys(cases: &mut Vec<Case>) {
    for size in [1, 4, 16, 64] {
        let document = key_set(size);
        let set = JwkSet::parse(document.as_bytes()).expect("sound");
        let last = format!("k{}", size - 1);
        let thumbprint = set.keys().last().expect("there is one").thumbprint();
        let again = set.clone();
        cases.push(Case::new("keys: the one that a new token names", size, move || {
            black_box(set.matching(Some(black_box(&last)), SignatureAlgorithm::Es256).is_ok());
        }));
        cases.push(Case::new("keys: is a remembered token's still there", size, move || {
            black_box(again.has_thumbprint(black_box(thumbprint)));
        }));
        cases.push(Case::new("keys: read the set, every five minutes", size, move || {
            black_box(JwkSet::parse(black_box(document.as_bytes())).is_ok());
        }));
    }
}

fn over_revoked(cases: &mut Vec<Case>) {
    for size in [0, 100, 10_000, 100_000, 1_000_000] {
        let (copy, marks) = feed(size);
        let text = copy.encode();
        cases.push(Case::new("revoked: look one token up", size, move || {
            black_box(copy.look_up(black_box(&marks), NOW));
        }));
        cases.push(Case::new("revoked: read the feed when it changed", size, move || {
            black_box(FeedCopy::parse(black_box(&text)).is_ok());
        }));
    }
}

fn over_token_size(cases: &mut Vec<Case>) {
    let keys = JwkSet::parse(key_set(1).as_bytes()).expect("sound");
    for size in [300, 600, 1_024, 2_048, 4_096] {
        let token = token_of(size);
        let jws = verified(&token, &keys);
        let (mut policy, size) = (policy(), token.len() as u64);
        if size < 500 {
            policy.issuer = "https://a.example".into();
        }
        validate(jws.clone(), &policy, NOW).expect("valid");
        cases.push(Case::new("token size: parse", size, move || {
            let token = UnverifiedToken::parse(black_box(&token)).expect("sound");
            black_box(token.claimed_issuer().is_ok());
        }));
        cases.push(Case::new("token size: validate", size, move || {
            black_box(validate(jws.clone(), &policy, NOW).is_ok());
        }));
    }
}

fn family(index: u64) -> FamilyId {
    let mut bytes = [0; 16];
    for (byte, value) in bytes.iter_mut().zip(index.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()) {
        *byte = value;
    }
    FamilyId::from_bytes(bytes)
}

fn sign_in(index: u64) -> AccountRequest {
    ordinary_sign_in(family(index), u16::MAX, NOW)
}

fn presented(count: u32) -> Presented {
    Presented {
        rotation_count: count,
        secret_hash: if count == 0 { ORDINARY_SECRET.hash() } else { SecretHash([7; 32]) },
        successor_hash: SecretHash([7; 32]),
        next_master: 1,
        client_id: None,
        binding: None,
    }
}

/// The object's decisions over records in memory: what SQLite adds is measured on workerd.
fn over_sessions(cases: &mut Vec<Case>) {
    for size in [1, 10, 100, 1_000] {
        let account = || {
            let account = Account::new(MemoryRecords::default());
            account.serve(&sign_in(0), NOW);
            // Copies of the first: signing in a thousand times reads all that is there each time.
            let records = account.records();
            let first =
                records.read("family", &family(0).to_string()).expect("in order").expect("it is open");
            for index in 1..size {
                records.write("family", &family(index).to_string(), &first).expect("in order");
            }
            account
        };
        let (rotating, checking, opening, listing) = (account(), account(), account(), account());
        let (mut count, mut now) = (0, NOW);
        cases.push(Case::new("sessions: refresh one", size, move || {
            now = now.plus(core::time::Duration::from_mins(10));
            let rotate = AccountRequest::Rotate {
                family: family(0),
                presented: presented(count),
                limits: Limits::default(),
                context: Context::default(),
            };
            black_box(rotating.serve(&rotate, now));
            count += 1;
        }));
        let check = AccountRequest::Check {
            family: family(0),
            issued_at: Timestamp::from_seconds(1_700_000_300),
            grants: false,
        };
        cases.push(Case::new("sessions: is one alive", size, move || {
            black_box(checking.serve(&check, NOW));
        }));
        let open = sign_in(size);
        cases.push(Case::new("sessions: sign in once more", size, move || {
            black_box(opening.serve(&open, NOW));
            // Signing in again with the same family would only repeat the answer.
            opening.records().remove("family", &family(size).to_string()).expect("in order");
        }));
        cases.push(Case::new("sessions: list them", size, move || {
            black_box(listing.serve(&AccountRequest::Sessions, NOW));
        }));
    }
}

/// The cases of `make bench PART=growth`.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    over_routes(&mut cases);
    over_keys(&mut cases);
    over_revoked(&mut cases);
    over_token_size(&mut cases);
    over_sessions(&mut cases);
    cases
}
