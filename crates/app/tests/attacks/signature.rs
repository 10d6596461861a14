//! Attacks on the signature itself.

use postern_app::encoding::base64url;

use super::{Attack, GOOD_HEADER, Scene, attack, es256, input, signed};

/// The order of P-256's group (SP 800-186 section 3.2.1.3).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

pub(super) fn attacks(scene: &Scene) -> Vec<Attack> {
    let payload = serde_json::to_vec(&scene.claims()).unwrap();
    let input = input(GOOD_HEADER, &payload);
    let good = es256(1, input.as_bytes());
    let with = |name: &str, code: &'static str, signature: &[u8]| {
        attack(name, code, format!("{input}.{}", base64url(signature)))
    };
    let one = [&[0; 31][..], &[1]].concat();
    let (r, s) = good.split_at(32);
    let mut attacks = vec![
        // Tests RFC 7518 section 3.4: r and s of zero are refused
        // Tests RFC 8725 section 3.4: the range of r and s is checked
        with("ES256 signature of zeros (CVE-2022-21449)", "bad_signature", &[0; 64]),
        with("ES256 r is one and s is one", "bad_signature", &[&one[..], &one].concat()),
        with("ES256 r zero", "bad_signature", &[&[0; 32][..], s].concat()),
        with("ES256 s zero", "bad_signature", &[r, &[0; 32]].concat()),
        with("ES256 r the group's order", "bad_signature", &[&P256_ORDER[..], s].concat()),
        with("ES256 s the group's order", "bad_signature", &[r, &P256_ORDER].concat()),
        with("ES256 both the group's order", "bad_signature", &[P256_ORDER, P256_ORDER].concat()),
        with("ES256 all bits set", "bad_signature", &[0xff; 64]),
        with("ES256 r and s swapped", "bad_signature", &[s, r].concat()),
        // Tests RFC 7518 section 3.4: a signature by ES256 has 64 octets
        with("ES256 one byte short", "wrong_signature_length", &good[..63]),
        with("ES256 one byte long", "wrong_signature_length", &[&good[..], &[0]].concat()),
        with("ES256 zero byte before", "wrong_signature_length", &[&[0][..], &good].concat()),
        with("ES256 r alone", "wrong_signature_length", r),
        with("ES256 twice", "wrong_signature_length", &[&good[..], &good].concat()),
        // Tests RFC 7518 section 3.4: R and S have a fixed length
        with(
            "ES256 zero bytes before r and before s",
            "wrong_signature_length",
            &[&[0], r, &[0], s].concat(),
        ),
        // Tests RFC 7518 section 3.4: the ASN.1 form is refused
        with("ES256 in ASN.1 form", "wrong_signature_length", &der(r, s)),
        with("ES256 in ASN.1 form cut to length", "bad_signature", &der(r, s)[..64]),
        with("ES256 of one byte", "wrong_signature_length", &[0]),
        with("ES256 by another key of the set", "bad_signature", &es256(2, input.as_bytes())),
        with("ES256 over the payload alone", "bad_signature", &es256(1, &payload)),
        with("ES256 over the input and its dot", "bad_signature", &es256(1, format!("{input}.").as_bytes())),
        with("ES256 over nothing", "bad_signature", &es256(1, b"")),
        with("ES256 over another token", "bad_signature", &es256(1, b"e30.e30")),
    ];
    for (name, index) in [("first", 0), ("middle", 31), ("last", 63)] {
        let mut flipped = good.clone();
        flipped[index] ^= 1;
        attacks.push(with(
            &format!("ES256 with a bit of the {name} byte flipped"),
            "bad_signature",
            &flipped,
        ));
    }
    let tampered = |from: &str, to: &str| {
        let payload = String::from_utf8(payload.clone()).unwrap();
        assert!(payload.contains(from), "{from}");
        format!("{}.{}", super::input(GOOD_HEADER, payload.replace(from, to)), base64url(&good))
    };
    attacks.extend([
        // Tests RFC 7515 section 5.2: a changed payload does not verify
        attack("subject changed after signing", "bad_signature", tampered("user-1", "admin")),
        attack("role changed after signing", "bad_signature", tampered("member", "admin")),
        attack("scope widened after signing", "bad_signature", tampered("read write", "read write admin")),
        attack("white space added after signing", "bad_signature", tampered("{", "{ ")),
        // Tests RFC 7515 section 5.2: a changed header does not verify
        attack(
            "header's typ changed after signing",
            "bad_signature",
            format!(
                "{}.{}",
                super::input(GOOD_HEADER.replace("at+jwt", "AT+JWT"), &payload),
                base64url(&good)
            ),
        ),
        attack("signature of another token of the same key", "bad_signature", {
            let other = signed(GOOD_HEADER, "{}");
            format!("{input}.{}", other.rsplit('.').next().unwrap())
        }),
    ]);
    attacks
}

fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let mut bytes = vec![2];
        let pad = usize::from(number[0] >= 0x80);
        bytes.push(u8::try_from(number.len() + pad).unwrap());
        bytes.extend(std::iter::repeat_n(0, pad));
        bytes.extend(number);
        bytes
    };
    let body = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}
