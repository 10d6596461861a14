//! Which RSA public keys are too weak to verify anything.

use super::jwk::JwkError;

/// Below 2048 bits RFC 7518 section 3.3 forbids use.
const MIN_BITS: usize = 2048;
/// Above 8192 bits one verification costs milliseconds: a key set must not be able to buy that.
const MAX_BITS: usize = 8192;
/// Exponents in use are 3 and 65537; some libraries, and FIPS 186-5's spirit, stop at 32 bits.
const MAX_EXPONENT: u64 = 1 << 32;

/// The primes of the ROCA test (CVE-2017-15361): a modulus made by the broken generator is a
/// power of 65537 modulo each of them. A good modulus passes for one by chance about once in
/// 2^27.
const ROCA_PRIMES: [u64; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// A number without the zero octets that it begins with. RFC 7518 section 6.3.1.1 wants the least
/// number of octets and knows of implementations that put a zero before it (Java's
/// `BigInteger.toByteArray` does). Taken away here, so that one key has one thumbprint.
pub(super) fn without_leading_zeros(mut number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.drain(..zeros);
    number
}

/// Checks modulus and exponent, both big-endian and without leading zeros.
pub(super) fn check(modulus: &[u8], exponent: &[u8]) -> Result<(), JwkError> {
    let (Some(first), Some(last)) = (modulus.first(), modulus.last()) else {
        return Err(JwkError::WeakModulus);
    };
    let bits = modulus.len().saturating_mul(8).saturating_sub(first.leading_zeros() as usize);
    // An even modulus is no product of two odd primes.
    if !(MIN_BITS..=MAX_BITS).contains(&bits) || last % 2 == 0 || roca(modulus) {
        return Err(JwkError::WeakModulus);
    }
    if exponent.len() > 5 {
        return Err(JwkError::WeakExponent);
    }
    let exponent = exponent.iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
    if exponent < 3 || exponent % 2 == 0 || exponent > MAX_EXPONENT {
        return Err(JwkError::WeakExponent);
    }
    Ok(())
}

fn roca(modulus: &[u8]) -> bool {
    ROCA_PRIMES.iter().all(|prime| {
        let remainder = modulus.iter().fold(0, |value, byte| ((value << 8) | u64::from(*byte)) % prime);
        let generator = 65537 % prime;
        let mut power = 1;
        loop {
            if power == remainder {
                return true;
            }
            power = power * generator % prime;
            if power <= 1 {
                return false;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_that_make_forging_easy_are_refused() {
        let mut modulus = [0xa5; 256];
        modulus[255] = 0xa7;
        for exponent in
            [&[1][..], &[2], &[0], &[], &[4], &[1, 0, 0], &[1, 0, 0, 0, 1], &[1, 0, 0, 0, 0, 0, 1]]
        {
            assert!(check(&modulus, exponent).is_err(), "{exponent:?}");
        }
        for exponent in [&[3][..], &[17], &[1, 0, 1], &[0xff, 0xff, 0xff, 0xff]] {
            assert_eq!(check(&modulus, exponent), Ok(()), "{exponent:?}");
        }
    }

    #[test]
    fn leading_zeros_are_taken_from_a_number_and_nothing_else() {
        for (given, kept) in
            [(&[0, 0, 1, 0][..], &[1, 0][..]), (&[1, 0], &[1, 0]), (&[0], &[]), (&[], &[]), (&[0, 0], &[])]
        {
            assert_eq!(without_leading_zeros(given.to_vec()), kept);
        }
    }

    // Tests RFC 7518 section 3.3: an RSA key has 2048 bits or more
    #[test]
    fn a_modulus_outside_2048_to_8192_bits_is_refused() {
        let odd = |bytes: usize, first: u8| {
            let mut modulus = vec![0xa5; bytes];
            if let Some(byte) = modulus.first_mut() {
                *byte = first;
            }
            if let Some(byte) = modulus.last_mut() {
                *byte = 0xa7;
            }
            modulus
        };
        for (bytes, first, good) in
            [(128, 0x80, false), (256, 0x7f, false), (256, 0x80, true), (1024, 0xff, true), (1025, 1, false)]
        {
            assert_eq!(check(&odd(bytes, first), &[1, 0, 1]).is_ok(), good, "{bytes} {first}");
        }
        let mut even = odd(256, 0x80);
        if let Some(byte) = even.last_mut() {
            *byte = 0xa6;
        }
        assert_eq!(check(&even, &[1, 0, 1]), Err(JwkError::WeakModulus));
    }

    #[test]
    fn a_modulus_with_the_roca_fingerprint_is_refused() {
        // A power of 65537 is one modulo every prime: here 65537^128, 2049 bits and odd.
        let mut modulus = vec![1_u8];
        for _ in 0..128 {
            // Times 65537 is a shift by two bytes plus itself.
            let mut shifted = modulus.clone();
            shifted.extend([0, 0]);
            let mut carry = 0_u16;
            let mut addend = modulus.iter().rev();
            for byte in shifted.iter_mut().rev() {
                let sum = u16::from(*byte) + u16::from(addend.next().copied().unwrap_or(0)) + carry;
                *byte = sum.to_le_bytes()[0];
                carry = sum >> 8;
            }
            modulus = shifted;
        }
        assert_eq!(check(&modulus, &[1, 0, 1]), Err(JwkError::WeakModulus));
        if let Some(byte) = modulus.last_mut() {
            *byte ^= 2;
        }
        assert_eq!(check(&modulus, &[1, 0, 1]), Ok(()));
    }
}
