use core::cell::Cell;

use super::*;
use crate::identity::{Login, UnicodeTables};

/// The least that Argon2 allows: tests of rules need no cost.
fn cheap() -> HashParameters {
    HashParameters::new(8, 1, 1).unwrap()
}

struct Counter(Cell<u8>);

impl Randomness for Counter {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Fault> {
        self.0.set(self.0.get() + 1);
        buffer.fill(self.0.get());
        Ok(())
    }
}

struct Broken;

impl Randomness for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), Fault> {
        Err(Fault::new(Component::Crypto, "no randomness"))
    }
}

fn randomness() -> Counter {
    Counter(Cell::new(0))
}

fn master(id: u8) -> Master {
    Master::derive(id, &[id; 32]).unwrap()
}

fn masters() -> Masters {
    Masters::new(master(2), vec![master(1)])
}

fn password(text: &str) -> Password {
    Password::present(text, &UnicodeTables).unwrap()
}

#[test]
fn the_right_password_matches_and_a_wrong_one_does_not() {
    let right = password("correct horse battery staple");
    let hash = PasswordHash::make(&right, HashParameters::default(), &master(2), &randomness()).unwrap();
    let wanted = HashParameters::default();
    assert_eq!(hash.verify(&right, wanted, &masters()), Ok(Verdict::Match { rehash: false }));
    let wrong = password("correct horse battery stapl");
    assert_eq!(hash.verify(&wrong, wanted, &masters()), Ok(Verdict::Mismatch));
}

#[test]
fn password_hash_format_unchanged() {
    let hash = PasswordHash::make(&password("password"), cheap(), &master(1), &randomness()).unwrap();
    assert_eq!(
        hash.as_str(),
        "$argon2id$v=19$m=8,t=1,p=1,keyid=AQ$AQEBAQEBAQEBAQEBAQEBAQ$1a+y3KFeTyDZ2kyW/eZIQibuFMitXGcygITTUNSgwTE"
    );
    let read = PasswordHash::parse(hash.as_str()).unwrap();
    assert_eq!(read, hash);
    assert!(matches!(read.verify(&password("password"), cheap(), &masters()), Ok(Verdict::Match { .. })));
}

/// RFC 9106 gives no vector of this shape; this one is of the reference implementation
/// (`echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32`, its test suite).
/// And asks to be computed again.
#[test]
fn an_imported_hash_without_pepper_matches() {
    let text = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let hash = PasswordHash::parse(text).unwrap();
    let verdict = hash.verify(&password("password"), HashParameters::default(), &masters());
    assert_eq!(verdict, Ok(Verdict::Match { rehash: true }));
}

// After a sign-in.
#[test]
fn a_hash_of_a_former_master_or_cost_is_computed_again() {
    let right = password("password");
    let former = PasswordHash::make(&right, cheap(), &master(1), &randomness()).unwrap();
    assert_eq!(former.verify(&right, cheap(), &masters()), Ok(Verdict::Match { rehash: true }));
    let current = PasswordHash::make(&right, cheap(), &master(2), &randomness()).unwrap();
    assert_eq!(current.verify(&right, cheap(), &masters()), Ok(Verdict::Match { rehash: false }));
    let dearer = HashParameters::new(16, 1, 1).unwrap();
    assert_eq!(current.verify(&right, dearer, &masters()), Ok(Verdict::Match { rehash: true }));
}

#[test]
fn a_leaked_table_without_the_pepper_matches_no_password() {
    let right = password("password");
    let hash = PasswordHash::make(&right, cheap(), &master(2), &randomness()).unwrap();
    let other = Masters::new(Master::derive(2, &[99; 32]).unwrap(), vec![]);
    assert_eq!(hash.verify(&right, cheap(), &other), Ok(Verdict::Mismatch));
    let stripped = PasswordHash::parse(&hash.as_str().replace(",keyid=Ag", "")).unwrap();
    assert_eq!(stripped.verify(&right, cheap(), &masters()), Ok(Verdict::Mismatch));
}

/// From outside it is a wrong password: anything else would tell that the user exists.
#[test]
fn an_unverifiable_hash_costs_what_an_unknown_login_does() {
    let right = password("password");
    let former = PasswordHash::make(&right, cheap(), &master(0), &randomness()).unwrap();
    let unreadable = PasswordHash::from_stored("hunter2");
    let costly = PasswordHash::from_stored("$2b$31$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG");
    for (hash, why) in [
        (former, Unverifiable::UnknownMaster(0)),
        (unreadable, Unverifiable::Unreadable(MalformedHash::Form)),
        (costly, Unverifiable::Unreadable(MalformedHash::TooCostly)),
    ] {
        assert_eq!(hash.verify(&right, cheap(), &masters()), Ok(Verdict::Unverifiable(why)));
        assert!(!why.to_string().contains("hunter2"));
    }
}

#[test]
fn a_hash_under_a_newer_master_is_not_judged() {
    let right = password("password");
    let newer = PasswordHash::make(&right, cheap(), &master(3), &randomness()).unwrap();
    let verdict = newer.verify(&right, cheap(), &masters());
    assert_eq!(verdict, Ok(Verdict::NotYet(crate::secrets::NewerMaster { id: 3 })));
}

/// `é` composed and decomposed: what a program hashes that takes the bytes as they come.
#[test]
fn a_hash_of_a_password_that_is_not_in_nfc_is_verified() {
    let decomposed = "caf\u{65}\u{301} au lait";
    let salt = b"0123456789abcdef";
    let mut output = [0; 16];
    cheap().compute(decomposed, None, salt, &mut output).unwrap();
    let text = format!(
        "$argon2id$v=19$m=8,t=1,p=1${}${}",
        Base64Unpadded::encode_string(salt),
        Base64Unpadded::encode_string(&output)
    );
    let elsewhere = PasswordHash::parse(&text).unwrap();
    assert_eq!(
        elsewhere.verify(&password(decomposed), cheap(), &masters()),
        Ok(Verdict::Match { rehash: true })
    );
    assert_eq!(elsewhere.verify(&password("caf\u{e9} au lait"), cheap(), &masters()), Ok(Verdict::Mismatch));
    // Made again here it is that of NFC, and both ways to type it are right.
    let own = PasswordHash::make(&password(decomposed), cheap(), &master(2), &randomness()).unwrap();
    for typed in [decomposed, "caf\u{e9} au lait"] {
        assert_eq!(own.verify(&password(typed), cheap(), &masters()), Ok(Verdict::Match { rehash: false }));
    }
    // And one that was brought into NFC before it was hashed.
    cheap().compute("caf\u{e9} au lait", None, salt, &mut output).unwrap();
    let text = format!(
        "$argon2id$v=19$m=8,t=1,p=1${}${}",
        Base64Unpadded::encode_string(salt),
        Base64Unpadded::encode_string(&output)
    );
    let normal = PasswordHash::parse(&text).unwrap();
    assert_eq!(
        normal.verify(&password(decomposed), cheap(), &masters()),
        Ok(Verdict::Match { rehash: true })
    );
}

#[test]
fn a_stored_hash_that_would_stop_the_isolate_is_not_computed() {
    let good = "$argon2id$v=19$m=8,t=1,p=1,keyid=AQ$AQEBAQEBAQEBAQEBAQEBAQ$AQEBAQEBAQEBAQEBAQEBAQ";
    assert!(PasswordHash::parse(good).is_ok());
    for (part, hostile) in [
        ("m=8", "m=4194304"),
        ("m=8", "m=65537"),
        ("m=8", "m=7"),
        ("t=1", "t=9"),
        ("t=1", "t=4294967295"),
        ("t=1", "t=0"),
        ("p=1", "p=2"),
        ("p=1", "p=256"),
        ("p=1", "p=0"),
        ("argon2id", "argon2i"),
        ("argon2id", "argon2d"),
        ("v=19", "v=16"),
        ("$v=19", ""),
        ("keyid=AQ", "keyid=AQE"),
        ("keyid=AQ", "data=AQ"),
        ("$AQEBAQEBAQEBAQEBAQEBAQ$AQEBAQEBAQEBAQEBAQEBAQ", "$AQEBAQEBAQEBAQEBAQEBAQ"),
        ("$AQEBAQEBAQEBAQEBAQEBAQ$AQEBAQEBAQEBAQEBAQEBAQ", "$AQEBAQEBAQEBAQEBAQEBAQ$AQEBAQEBAQEBAQEB"),
        ("$argon2id", "argon2id"),
    ] {
        let wrong = if part.contains('=') && part.len() == 3 {
            MalformedHash::TooCostly
        } else {
            MalformedHash::Form
        };
        assert_eq!(PasswordHash::parse(&good.replace(part, hostile)), Err(wrong), "{hostile}");
    }
    assert_eq!(PasswordHash::parse(&"$".repeat(10_000)), Err(MalformedHash::Form));
    assert_eq!(HashParameters::new(65_537, 1, 1), None);
    assert_eq!(HashParameters::new(64, 1, 5), None, "ours have few lanes");
}

#[test]
fn an_unknown_login_computes_what_a_known_one_does() {
    // Time is not compared here (it would be a test of luck): that the dummy computes at the
    // cost it is given shows in the memory it cannot get.
    assert_eq!(dummy(&password("password"), cheap(), &masters()), Ok(()));
    assert_eq!(dummy(&password("password"), HashParameters::default(), &masters()), Ok(()));
}

#[test]
fn without_randomness_no_hash_is_made() {
    let fault = PasswordHash::make(&password("password"), cheap(), &master(1), &Broken).unwrap_err();
    assert_eq!(fault.part, Component::Crypto);
}

#[test]
fn a_password_is_eight_characters_to_a_thousand_bytes() {
    assert_eq!(Password::choose("1234567", &UnicodeTables), Err(PasswordError::TooShort));
    assert_eq!(Password::choose("ääää", &UnicodeTables).unwrap_err(), PasswordError::TooShort);
    assert!(Password::choose("ääääääää", &UnicodeTables).is_ok());
    assert!(Password::choose(&"x".repeat(1024), &UnicodeTables).is_ok());
    assert_eq!(Password::choose(&"x".repeat(1025), &UnicodeTables), Err(PasswordError::TooLong));
    assert_eq!(Password::present(&"x".repeat(1025), &UnicodeTables).unwrap_err(), PasswordError::TooLong);
    assert!(Password::present("x", &UnicodeTables).is_ok());
}

#[test]
fn a_common_password_may_be_presented_but_not_chosen() {
    for common in ["password", "PASSWORD", "12345678"] {
        assert_eq!(Password::choose(common, &UnicodeTables), Err(PasswordError::Common), "{common}");
        assert!(Password::present(common, &UnicodeTables).is_ok(), "who has one must get in to change it");
    }
    assert!(Password::choose("aaaaaaaaaaaaaaaaaaa", &UnicodeTables).is_ok(), "no rules of composition");
}

#[test]
fn a_password_that_repeats_its_login_is_found_out() {
    let login = Login::parse("Somebody@example.com", &UnicodeTables).unwrap();
    for text in ["somebody@example.com", "SomeBody", "SOMEBODY@EXAMPLE.COM"] {
        assert!(password(text).repeats(&login), "{text}");
    }
    assert!(!password("somebody else").repeats(&login));
}

#[test]
fn the_same_password_typed_on_two_systems_is_one_password() {
    assert_eq!(password("pa\u{df}w\u{f6}rter"), password("pa\u{df}wo\u{308}rter"));
    assert_ne!(password("password"), password("Password"));
    assert_ne!(password("password"), password("password "));
}

#[test]
fn passwords_and_hashes_do_not_show_in_debug_output() {
    let secret = password("correct horse");
    assert_eq!(format!("{secret:?}"), "Password(..)");
    let hash = PasswordHash::make(&secret, cheap(), &master(1), &randomness()).unwrap();
    let shown = format!("{hash:?}");
    assert!(!shown.contains('$') && !shown.contains("salt") && !shown.contains("output"), "{shown}");
}

/// Made by the Python packages `bcrypt` and `argon2-cffi` and by Python's `hashlib`, all of the
/// password "correct horse battery staple" unless it says otherwise.
const FOREIGN: [(&str, &str); 13] = [
    ("correct horse battery staple", "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    ("correct horse battery staple", "$2y$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    ("p\u{e4}ssword", "$2b$05$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC"),
    // Openwall's crypt_blowfish, wrapper.c: a password of three characters, and another salt.
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    (
        "correct horse battery staple",
        "$scrypt$ln=4,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$0Pz6RuN9WCY6OfE3FYH5Myx0JqvNjul84VbFyWLBf4g",
    ),
    (
        "correct horse battery staple",
        "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$KhW5KLACpfR1HRqSPdg8ODHC9nzhpv0EHEqfwm5GJX4",
    ),
    (
        "correct horse battery staple",
        "$argon2i$v=16$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$/NjRdoTmLr1iEnX3YnUIeg",
    ),
    ("correct horse battery staple", "$argon2i$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$/NjRdoTmLr1iEnX3YnUIeg"),
    (
        "correct horse battery staple",
        "$argon2i$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$nMi4VBJfJKCdC0KukIiv1w",
    ),
    (
        "correct horse battery staple",
        "$argon2d$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$Odl3/PksUWeoEaCaPmNclw",
    ),
    (
        "correct horse battery staple",
        "$argon2id$v=16$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$TqjsEdH2jQX75cLbhUWvjA",
    ),
    (
        "correct horse battery staple",
        "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$GpPstgPksP4nkcuC/OG49Q",
    ),
];

#[test]
fn a_hash_made_elsewhere_is_verified_and_asks_to_be_made_again() {
    for (right, text) in FOREIGN {
        let hash = PasswordHash::parse(text).unwrap();
        assert!(hash.master().is_none() && hash.as_str() == text);
        let present = |text: &str| Password::present(text, &UnicodeTables).unwrap();
        assert_eq!(
            hash.verify(&present(right), cheap(), &masters()),
            Ok(Verdict::Match { rehash: true }),
            "{text}"
        );
        for wrong in ["", "U*U*", "correct horse battery stapl", "correct horse battery staple "] {
            assert_eq!(hash.verify(&present(wrong), cheap(), &masters()), Ok(Verdict::Mismatch), "{text}");
        }
    }
    let own = PasswordHash::make(&password("password"), cheap(), &master(1), &randomness()).unwrap();
    assert!(own.master().is_some());
}

#[test]
fn bcrypt_looks_at_72_bytes_as_it_did_where_the_hash_was_made() {
    let hash = PasswordHash::parse("$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i").unwrap();
    let verdict = |length: usize| hash.verify(&password(&"x".repeat(length)), cheap(), &masters()).unwrap();
    assert_eq!(verdict(71), Verdict::Mismatch);
    assert_eq!(verdict(72), Verdict::Match { rehash: true });
    assert_eq!(verdict(73), Verdict::Match { rehash: true });
}

// Except for the setting that needs 128 MiB.
#[test]
fn scrypt_as_owasp_lists_it_is_taken() {
    let tail = "MDEyMzQ1Njc4OWFiY2RlZg$0Pz6RuN9WCY6OfE3FYH5Myx0JqvNjul84VbFyWLBf4g";
    for (log_n, p) in [(16, 2), (15, 3), (14, 5), (13, 10)] {
        assert!(PasswordHash::parse(&format!("$scrypt$ln={log_n},r=8,p={p}${tail}")).is_ok(), "{log_n}");
    }
}

#[test]
fn an_imported_hash_that_would_stop_the_isolate_is_not_taken() {
    let tail = "MDEyMzQ1Njc4OWFiY2RlZg$0Pz6RuN9WCY6OfE3FYH5Myx0JqvNjul84VbFyWLBf4g";
    for costly in [
        "$2b$15$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
        "$2b$31$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
        &format!("$scrypt$ln=17,r=8,p=1${tail}"),
        &format!("$scrypt$ln=63,r=8,p=1${tail}"),
        &format!("$scrypt$ln=4294967295,r=8,p=1${tail}"),
        &format!("$scrypt$ln=4,r=33,p=1${tail}"),
        &format!("$scrypt$ln=4,r=4294967295,p=1${tail}"),
        &format!("$scrypt$ln=16,r=8,p=3${tail}"),
        &format!("$scrypt$ln=4,r=8,p=4294967295${tail}"),
        "$argon2i$v=19$m=65537,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$nMi4VBJfJKCdC0KukIiv1w",
    ] {
        assert_eq!(PasswordHash::parse(costly), Err(MalformedHash::TooCostly), "{costly}");
    }
    for text in [
        "",
        "hunter2",
        "$1$saltsalt$oa.bZ0pLjrDWvXbE3CBdg0",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$03$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
        "$2b$+4$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
        "$2b$04$abcdefghijklmnopqrstu 7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
        "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6C",
        "$2b$04$abcdefghijklmnopqrstu\u{e4}7EJV7kdjBBQxyb0HjTh9KS7.Lah/6C",
        &format!("$scrypt$ln=0,r=8,p=1${tail}"),
        &format!("$scrypt$ln=4,r=0,p=1${tail}"),
        &format!("$scrypt$ln=4,r=8,p=1,x=1${tail}"),
        "$scrypt$ln=4,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$0Pz6RuN9",
        "$argon2i$v=19$m=8,t=1,p=1,keyid=AQ$MDEyMzQ1Njc4OWFiY2RlZg$nMi4VBJfJKCdC0KukIiv1w",
        "$pbkdf2-sha256$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$nMi4VBJfJKCdC0KukIiv1w",
    ] {
        assert_eq!(PasswordHash::parse(text), Err(MalformedHash::Form), "{text}");
    }
}

#[test]
fn an_imported_hash_that_could_never_be_verified_is_not_taken() {
    // Taken, it would be a 503 at every sign-in: for its user, and for whoever looks for users.
    let (salt, hash) = ("MDEyMzQ1Njc4OWFiY2RlZg", "0Pz6RuN9WCY6OfE3FYH5Myx0JqvNjul84VbFyWLBf4g");
    let mut taken = 0;
    let mut check = |text: &str| {
        if let Ok(read) = PasswordHash::parse(text) {
            taken += 1;
            assert!(read.verify(&password("a guess"), cheap(), &masters()).is_ok(), "{text}");
        }
    };
    let costliest = if cfg!(feature = "thorough") { 12 } else { 8 };
    for log_n in 1..=costliest {
        for r in [1, 2, 8, 32] {
            check(&format!("$scrypt$ln={log_n},r={r},p=1${salt}${hash}"));
        }
    }
    check(&format!("$scrypt$ln=16,r=1,p=1${salt}${hash}"));
    for salt in ["MDEy", "MDEyMzQ1Ng", "MDEyMzQ1Njc", salt, &"A".repeat(64)] {
        for hash in ["MDEyMzQ1Njc4OWFiY2RlZg", hash, &"A".repeat(86)] {
            for scheme in ["argon2id$v=19$m=8,t=1,p=1", "argon2i$v=16$m=8,t=1,p=1", "argon2d$m=32,t=1,p=4"] {
                check(&format!("${scheme}${salt}${hash}"));
            }
            check(&format!("$scrypt$ln=4,r=8,p=1${salt}${hash}"));
        }
    }
    assert!(taken > 30, "{taken}");
}
