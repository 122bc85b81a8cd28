//! Checks of RSA public keys.

use super::KeyError;

const MIN_BITS: usize = 2048;
const MAX_BITS: usize = 8192;

/// Rejects keys outside 2048 to 8192 bits (RFC 7518 §3.3), exponents that are even, one or longer than 32
/// bits, and moduli with the structure of ROCA (CVE-2017-15361).
pub(super) fn check(modulus: &[u8], exponent: &[u8]) -> Result<(), KeyError> {
    let leading_zeros = modulus.first().map_or(0, |byte| byte.leading_zeros());
    let bits = modulus.len() * 8 - leading_zeros as usize;
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
    let sound = (MIN_BITS..=MAX_BITS).contains(&bits)
        && odd(modulus)
        && odd(exponent)
        && (1..=4).contains(&exponent.len())
        && exponent != [1]
        && !has_roca_structure(modulus);
    sound.then_some(()).ok_or(KeyError::WeakRsa)
}

/// Returns whether a modulus is a power of 65537 modulo every small prime, as those of the flawed
/// library are (Nemec et al., "The Return of Coppersmith's Attack", 2017). The probability that a sound
/// modulus has this structure is negligible.
fn has_roca_structure(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
        97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    PRIMES.iter().all(|&prime| {
        let residue = modulus
            .iter()
            .fold(0, |rest, &byte| (rest * 256 + u32::from(byte)) % prime);
        let mut power = 1;
        (0..prime).any(|_| {
            let hit = power == residue;
            power = power * 65537 % prime;
            hit
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modulus(bits: usize) -> Vec<u8> {
        let mut bytes = vec![0x35; bits / 8];
        bytes[0] = 0x80;
        bytes
    }

    #[test]
    fn rsa_key_is_rejected_if_it_is_too_small_or_too_large_or_has_an_unfit_exponent() {
        assert_eq!(check(&modulus(2048), &[1, 0, 1]), Ok(()));
        assert_eq!(check(&modulus(8192), &[3]), Ok(()));
        let weak = Err(KeyError::WeakRsa);
        assert_eq!(check(&modulus(1024), &[1, 0, 1]), weak);
        assert_eq!(check(&modulus(32768), &[1, 0, 1]), weak);
        for exponent in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
            assert_eq!(check(&modulus(2048), exponent), weak, "{exponent:?}");
        }
        let mut even = modulus(2048);
        *even.last_mut().unwrap() = 2;
        assert_eq!(check(&even, &[3]), weak);
    }

    #[test]
    fn rsa_key_is_rejected_if_its_modulus_has_the_structure_of_roca() {
        // 65537^5 modulo the product of the primes, plus multiples of that product, computed with Python.
        let hex = concat!(
            "80000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "000000000000000000000000000000000000000000000000000001b8eca54bf1de60cf081b39d822",
            "25339d436eb4308c3637d4f406d6631f",
        );
        let flawed: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
            .collect();
        assert!(has_roca_structure(&flawed));
        assert_eq!(check(&flawed, &[1, 0, 1]), Err(KeyError::WeakRsa));
    }
}
