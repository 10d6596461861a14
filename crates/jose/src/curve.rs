//! Is a point on its curve? A public key that is not on the curve invites invalid-curve tricks,
//! and platforms differ in when they notice. So it is checked here, once for each key parsed:
//! y² = x³ - 3x + b (mod p) by plain double-and-add arithmetic, about 10 to 50 µs. All values are public,
//! so nothing needs constant time. Both curves have cofactor 1: on the curve is in the group.

/// A prime field and the `b` of a short Weierstrass curve with `a = -3` over it.
struct Curve<const N: usize> {
    /// The field's prime, most significant word first.
    prime: [u64; N],
    /// The curve's `b`, most significant word first.
    b: [u64; N],
}

/// SP 800-186 section 3.2.1.3.
const P256: Curve<4> = Curve {
    prime: [0xffff_ffff_0000_0001, 0, 0x0000_0000_ffff_ffff, 0xffff_ffff_ffff_ffff],
    b: [0x5ac6_35d8_aa3a_93e7, 0xb3eb_bd55_7698_86bc, 0x651d_06b0_cc53_b0f6, 0x3bce_3c3e_27d2_604b],
};

/// SP 800-186 section 3.2.1.4.
const P384: Curve<6> = Curve {
    prime: [
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_ffff_fffe,
        0xffff_ffff_0000_0000,
        0x0000_0000_ffff_ffff,
    ],
    b: [
        0xb331_2fa7_e23e_e7e4,
        0x988e_056b_e3f8_2d19,
        0x181d_9c6e_fe81_4112,
        0x0314_088f_5013_875a,
        0xc656_398d_8a2e_d19d,
        0x2a85_c8ed_d3ec_2aef,
    ],
};

/// Whether the affine point, 32 bytes a coordinate, is on P-256.
pub(super) fn on_p256(x: &[u8; 32], y: &[u8; 32]) -> bool {
    P256.contains(words(x), words(y))
}

/// Whether the affine point, 48 bytes a coordinate, is on P-384.
pub(super) fn on_p384(x: &[u8; 48], y: &[u8; 48]) -> bool {
    P384.contains(words(x), words(y))
}

fn words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = [0; N];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks(8)) {
        *word = chunk.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte));
    }
    words
}

impl<const N: usize> Curve<N> {
    fn contains(&self, x: [u64; N], y: [u64; N]) -> bool {
        // Most significant word first, so arrays compare as numbers.
        if x >= self.prime || y >= self.prime {
            return false;
        }
        let x_cubed = self.multiply(&self.multiply(&x, &x), &x);
        let three_x = self.add(&self.add(&x, &x), &x);
        // y² + 3x = x³ + b, so that nothing is subtracted.
        self.add(&self.multiply(&y, &y), &three_x) == self.add(&x_cubed, &self.b)
    }

    fn add(&self, left: &[u64; N], right: &[u64; N]) -> [u64; N] {
        let mut sum = [0; N];
        let mut carry = false;
        for ((digit, a), b) in sum.iter_mut().zip(left).zip(right).rev() {
            let (partial, over) = a.overflowing_add(*b);
            let (total, over_again) = partial.overflowing_add(u64::from(carry));
            *digit = total;
            carry = over || over_again;
        }
        if carry || sum >= self.prime {
            let mut borrow = false;
            for (digit, prime) in sum.iter_mut().zip(&self.prime).rev() {
                let (partial, under) = digit.overflowing_sub(*prime);
                let (total, under_again) = partial.overflowing_sub(u64::from(borrow));
                *digit = total;
                borrow = under || under_again;
            }
        }
        sum
    }

    fn multiply(&self, left: &[u64; N], right: &[u64; N]) -> [u64; N] {
        let mut product = [0; N];
        for word in right {
            for bit in (0..u64::BITS).rev() {
                product = self.add(&product, &product);
                if (word >> bit) & 1 == 1 {
                    product = self.add(&product, left);
                }
            }
        }
        product
    }
}

#[cfg(all(test, feature = "all-algorithms"))]
mod tests {
    use jwt_compact::alg::VerifyingKey as _;

    use super::*;

    fn independent_p256(x: &[u8], y: &[u8]) -> bool {
        <<jwt_compact::alg::Es256 as jwt_compact::Algorithm>::VerifyingKey>::from_slice(
            &[&[4], x, y].concat(),
        )
        .is_ok()
    }

    fn independent_p384(x: &[u8], y: &[u8]) -> bool {
        p384::ecdsa::VerifyingKey::from_sec1_bytes(&[&[4], x, y].concat()).is_ok()
    }

    // Tests RFC 8725 section 3.4: points are judged as another implementation judges them
    #[test]
    fn points_are_judged_as_another_implementation_does() {
        for seed in 1..=40_u8 {
            let mut scalar = [0_u8; 48];
            scalar[47] = seed;
            scalar[20] = seed.wrapping_mul(7);
            let key = p384::SecretKey::from_slice(&scalar).unwrap();
            let sec1 =
                p384::ecdsa::VerifyingKey::from(&p384::ecdsa::SigningKey::from(key)).to_encoded_point(false);
            let (x, y): ([u8; 48], [u8; 48]) =
                (sec1.as_bytes()[1..49].try_into().unwrap(), sec1.as_bytes()[49..].try_into().unwrap());
            let mut off = y;
            off[usize::from(seed)] ^= 1;
            assert!(on_p384(&x, &y) && independent_p384(&x, &y));
            assert!(!on_p384(&x, &off) && !independent_p384(&x, &off));
            assert!(!on_p384(&y, &x));

            let secret: [u8; 32] = scalar[16..].try_into().unwrap();
            let key = <<jwt_compact::alg::Es256 as jwt_compact::Algorithm>::SigningKey as jwt_compact::alg::SigningKey<_>>::from_slice(&secret).unwrap();
            let sec1 = key.verifying_key().to_encoded_point(false);
            let (x, y): ([u8; 32], [u8; 32]) =
                (sec1.as_bytes()[1..33].try_into().unwrap(), sec1.as_bytes()[33..].try_into().unwrap());
            let mut off = y;
            off[usize::from(seed % 32)] ^= 0x80;
            assert!(on_p256(&x, &y) && independent_p256(&x, &y));
            assert!(!on_p256(&x, &off) && !independent_p256(&x, &off));
        }
    }

    #[test]
    fn coordinates_beyond_the_prime_and_the_zero_point_are_refused() {
        assert!(!on_p256(&[0xff; 32], &[0xff; 32]));
        assert!(!on_p384(&[0xff; 48], &[0xff; 48]));
        assert!(!on_p256(&[0; 32], &[0; 32]));
        assert!(!on_p384(&[0; 48], &[0; 48]));
    }
}
