//! Attacks on the compact form.

use super::{Attack, GOOD_HEADER, Scene, attack, input, signed};

#[expect(clippy::too_many_lines, reason = "one list")]
pub(super) fn attacks(scene: &Scene) -> Vec<Attack> {
    let good = scene.good();
    let parts: Vec<&str> = good.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let mut attacks = vec![
        attack("empty token", "not_three_parts", ""),
        attack("one dot", "not_three_parts", "."),
        // Tests RFC 7515 section 7.1: the compact form has three parts that are not empty
        attack("two dots and nothing else", "missing_signature", ".."),
        attack("header alone", "not_three_parts", header),
        attack("signature and its dot cut off", "not_three_parts", format!("{header}.{payload}")),
        attack("signature cut off", "missing_signature", format!("{header}.{payload}.")),
        attack("header cut off", "malformed_header", format!(".{payload}.{signature}")),
        attack("payload cut off", "bad_signature", format!("{header}..{signature}")),
        attack("fourth empty part", "not_three_parts", format!("{good}.")),
        // Tests RFC 7519 section 7.2: a token with four parts is refused
        attack("fourth part", "not_three_parts", format!("{good}.AAAA")),
        attack("leading dot", "not_three_parts", format!(".{good}")),
        // Tests RFC 7516 section 9: five parts are a JWE, and are refused
        attack("five parts as a JWE", "encrypted", format!("{header}.AA.AA.{payload}.{signature}")),
        attack("six parts", "not_three_parts", format!("{good}.{good}")),
        attack("two tokens with a comma between", "encrypted", format!("{good},{good}")),
        attack("leading space", "not_base64url", format!(" {good}")),
        attack("trailing space", "not_base64url", format!("{good} ")),
        // Tests RFC 7515 section 5.2: white space around a token refuses it
        attack("trailing newline", "not_base64url", format!("{good}\n")),
        attack("trailing NUL", "not_base64url", format!("{good}\0")),
        attack("in quotes", "not_base64url", format!("\"{good}\"")),
        attack("with the scheme left on", "not_base64url", format!("Bearer {good}")),
        attack("dots percent-encoded", "not_three_parts", good.replace('.', "%2E")),
        attack("full-width dots", "not_three_parts", good.replace('.', "\u{ff0e}")),
        attack("slashes for dots", "not_three_parts", good.replace('.', "/")),
        attack("header and payload swapped", "missing_alg", format!("{payload}.{header}.{signature}")),
        attack(
            "payload and signature swapped",
            "wrong_signature_length",
            format!("{header}.{signature}.{payload}"),
        ),
        attack("lower-cased", "malformed_header", good.to_lowercase()),
        attack("hexadecimal for base64url", "malformed_header", format!("7b7d.{payload}.{signature}")),
        // Tests RFC 7515 section 7.2.2: the flattened JSON form is refused
        attack(
            "flattened JSON serialization",
            "not_three_parts",
            format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#),
        ),
        // Tests RFC 7515 section 7.2.1: the general JSON form is refused
        attack(
            "general JSON serialization",
            "not_three_parts",
            format!(
                r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
            ),
        ),
        attack("larger than the cap", "too_large", format!("{good}{}", "A".repeat(8192))),
        attack("a megabyte", "too_large", "A".repeat(1 << 20)),
        attack("ten thousand dots", "too_large", ".".repeat(10_000)),
        attack("eight thousand dots", "not_three_parts", ".".repeat(8_000)),
        attack(
            "padding that makes the payload larger than the cap",
            "too_large",
            signed(GOOD_HEADER, format!("{{\"pad\":\"{}\"}}", " ".repeat(7_000))),
        ),
        // Tests RFC 7519 section 5.2: a token inside a token is not opened
        attack("token inside a token", "malformed_claims", signed(GOOD_HEADER, scene.good())),
        attack("unsigned input of a good header", "not_three_parts", input(GOOD_HEADER, "{}")),
    ];
    for (index, name) in ["header", "payload", "signature"].into_iter().enumerate() {
        let with = |replacement: String| {
            let mut changed: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            changed[index] = replacement;
            changed.join(".")
        };
        let part = parts[index];
        let (head, tail) = part.split_at(8);
        attacks.extend([
            // Tests RFC 7515 section 2: padding is refused
            attack(format!("{name} padded with ="), "not_base64url", with(format!("{part}="))),
            // Tests RFC 7515 section 2: white space inside a part is refused
            attack(
                format!("{name} with white space inside"),
                "not_base64url",
                with(format!("{head} {tail}")),
            ),
            attack(
                format!("{name} with a line break inside"),
                "not_base64url",
                with(format!("{head}\r\n{tail}")),
            ),
            // Tests RFC 4648 section 5: the alphabet is the one for URLs
            attack(
                format!("{name} with + of the other alphabet"),
                "not_base64url",
                with(format!("+{}", &part[1..])),
            ),
            attack(
                format!("{name} with / of the other alphabet"),
                "not_base64url",
                with(format!("/{}", &part[1..])),
            ),
            attack(
                format!("{name} with a character outside ASCII"),
                "not_base64url",
                with(format!("é{part}")),
            ),
            // Tests RFC 4648 section 3.2: a length that decodes to nothing is refused
            attack(format!("{name} of an impossible length"), "not_base64url", with(impossible_length(part))),
        ]);
    }
    // 64 bytes leave four unused bits in the last character: sixteen spellings, one allowed.
    let (head, last) = signature.split_at(signature.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let index = alphabet.find(last).unwrap();
    let other = &alphabet[index + 1..index + 2];
    // Tests RFC 4648 section 3.5: a second spelling of a signature is refused
    attacks.push(attack(
        "second spelling of the signature by its unused bits",
        "not_base64url",
        format!("{header}.{payload}.{head}{other}"),
    ));
    attacks
}

/// One character more than a multiple of four decodes to nothing.
fn impossible_length(part: &str) -> String {
    let mut part = part.to_owned();
    while part.len() % 4 != 1 {
        part.push('A');
    }
    part
}
