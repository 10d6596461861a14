//! Attacks on signatures that are not ES256.

use postern_app::encoding::{base64url, from_base64url};
use serde_json::json;

use super::{Attack, GOOD_HEADER, Scene, attack, eddsa, es256, input};

/// The order of Ed25519's group (RFC 8032 section 5.1), little-endian.
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

pub(super) fn attacks(scene: &Scene) -> Vec<Attack> {
    let payload = serde_json::to_vec(&scene.claims()).unwrap();
    let input = input(GOOD_HEADER, &payload);
    let by_another = format!("{input}.{}", base64url(&eddsa(3, input.as_bytes())));
    let mut attacks =
        vec![attack("EdDSA by a key of the set under an ES256 kid", "bad_signature", by_another)];
    attacks.extend(edwards(scene));
    attacks.extend(rsa(scene));
    attacks
}

fn edwards(scene: &Scene) -> Vec<Attack> {
    let header = json!({"alg": "EdDSA", "kid": "k3", "typ": "at+jwt"}).to_string();
    let input = input(header, serde_json::to_vec(&scene.claims()).unwrap());
    let good = eddsa(3, input.as_bytes());
    let (point, scalar) = good.split_at(32);
    let with = |name: &str, code: &'static str, signature: &[u8]| {
        attack(name, code, format!("{input}.{}", base64url(signature)))
    };
    let mut malleable = scalar.to_vec();
    let mut carry = 0_u16;
    for (byte, order) in malleable.iter_mut().zip(ED25519_ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    let identity = [&[1][..], &[0; 31]].concat();
    vec![
        // Tests RFC 8032 section 5.1.7: S beyond the order is refused
        with("EdDSA with the order added to S", "bad_signature", &[point, &malleable].concat()),
        // Tests RFC 8037 section 3.1: a signature of zeros is refused
        with("EdDSA of zeros", "bad_signature", &[0; 64]),
        with(
            "EdDSA with the identity as R and zero as S",
            "bad_signature",
            &[&identity[..], &[0; 32]].concat(),
        ),
        with("EdDSA with S zero", "bad_signature", &[point, &[0; 32]].concat()),
        with("EdDSA with R and S swapped", "bad_signature", &[scalar, point].concat()),
        // Tests RFC 8037 section 3.1: a signature by Ed25519 has 64 octets
        with("EdDSA one byte short", "wrong_signature_length", &good[..63]),
        with("EdDSA one byte long", "wrong_signature_length", &[&good[..], &[0]].concat()),
        with("EdDSA by another key", "bad_signature", &eddsa(9, input.as_bytes())),
    ]
}

fn rsa(scene: &Scene) -> Vec<Attack> {
    let header = json!({"alg": "RS256", "kid": "k4", "typ": "at+jwt"}).to_string();
    let input = input(header, serde_json::to_vec(&scene.claims()).unwrap());
    let with = |name: &str, code: &'static str, signature: &[u8]| {
        attack(name, code, format!("{input}.{}", base64url(signature)))
    };
    let mut attacks = vec![
        // Tests RFC 7518 section 3.3: a signature by RS256 is as long as the modulus
        with("RS256 one byte short", "wrong_signature_length", &[1; 255]),
        with("RS256 one byte long", "wrong_signature_length", &[1; 257]),
        with("ES256 signature for an RSA key", "wrong_signature_length", &es256(1, input.as_bytes())),
    ];
    let modulus = from_base64url(super::RSA_MODULUS).unwrap();
    let one = [&[0; 255][..], &[1]].concat();
    attacks.extend([
        with("RS256 signature zero", "bad_signature", &[0; 256]),
        with("RS256 signature one", "bad_signature", &one),
        // Tests RFC 8725 section 3.4: a signature of the modulus itself is refused
        with("RS256 signature the modulus", "bad_signature", &modulus),
        with("RS256 signature beyond the modulus", "bad_signature", &[0xff; 256]),
    ]);
    attacks
}
