//! The parts of DER (X.690) and of big-endian numbers that the checks of public keys and certificates need.

#[cfg(feature = "client-certificates")]
use ::time::{Date, Month};

#[cfg(feature = "client-certificates")]
use crate::time::Timestamp;

/// Returns whether `der` is one sequence without trailing bytes.
pub(crate) fn is_one_sequence(der: &[u8]) -> bool {
    der.first() == Some(&0x30) && element_at(der).is_some_and(|(_, _, rest)| rest.is_empty())
}

/// Returns the `SubjectPublicKeyInfo` of a certificate (RFC 5280 §4.1).
pub(crate) fn key_of_certificate(der: &[u8]) -> Option<&[u8]> {
    let (key, _) = field_of_certificate(der, 5)?;
    Some(key)
}

/// Returns when a certificate expires: the end of its `Validity` (RFC 5280 §4.1.2.5).
#[cfg(feature = "client-certificates")]
pub(crate) fn end_of_certificate(der: &[u8]) -> Option<Timestamp> {
    let (_, validity) = field_of_certificate(der, 3)?;
    let (_, _, end) = element_at(validity)?;
    let (_, digits, rest) = element_at(end)?;
    if !rest.is_empty() {
        return None;
    }
    let digits = digits.strip_suffix(b"Z")?;
    // UTCTime has two digits of the year, from 1950 to 2049 (RFC 5280 §4.1.2.5.1), GeneralizedTime four.
    let (year, rest) = match (end.first()?, digits.len()) {
        (0x17, 12) => match number(digits.get(..2)?)? {
            year @ 50.. => (1900 + year, digits.get(2..)?),
            year => (2000 + year, digits.get(2..)?),
        },
        (0x18, 14) => (number(digits.get(..4)?)?, digits.get(4..)?),
        _ => return None,
    };
    let (pairs, _) = rest.as_chunks::<2>();
    let [month, day, hour, minute, second] = pairs else {
        return None;
    };
    let part = |digits: &[u8; 2]| u8::try_from(number(digits)?).ok();
    let month = Month::try_from(part(month)?).ok()?;
    let date = Date::from_calendar_date(year, month, part(day)?).ok()?;
    let time = date.with_hms(part(hour)?, part(minute)?, part(second)?);
    let seconds = time.ok()?.assume_utc().unix_timestamp();
    Some(Timestamp::from_unix_seconds(seconds))
}

/// Returns the number that decimal digits write.
#[cfg(feature = "client-certificates")]
fn number(digits: &[u8]) -> Option<i32> {
    let is_number = digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    text.parse().ok()
}

/// Returns a field of a certificate, and its content. The fields are counted from the serial number (RFC 5280 §4.1):
/// serial number, signature, issuer, validity, subject, and key.
fn field_of_certificate(der: &[u8], index: usize) -> Option<(&[u8], &[u8])> {
    let (_, certificate, _) = element_at(der)?;
    let (_, mut fields, _) = element_at(certificate)?;
    // The version is optional.
    let version = usize::from(fields.first() == Some(&0xa0));
    for _ in 0..version + index {
        (_, _, fields) = element_at(fields)?;
    }
    element_at(fields).map(|(whole, content, _)| (whole, content))
}

/// Splits the first element off: the whole element, its content, and what follows it.
fn element_at(der: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (header, length) = match der {
        [_, length @ 0..=0x7f, ..] => (2, usize::from(*length)),
        [_, 0x81, a, ..] => (3, usize::from(*a)),
        [_, 0x82, a, b, ..] => (4, usize::from(*a) << 8 | usize::from(*b)),
        _ => return None,
    };
    let (whole, rest) = der.split_at_checked(header + length)?;
    Some((whole, whole.get(header..)?, rest))
}

/// Returns a number without its leading zeros.
pub(crate) fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_is_rejected_if_bytes_follow_it_or_are_missing() {
        for (size, head) in [
            (3, &[0x30, 3][..]),
            (200, &[0x30, 0x81, 200]),
            (300, &[0x30, 0x82, 1, 44]),
        ] {
            let mut der = [head, &vec![1; size]].concat();
            assert!(is_one_sequence(&der), "{size}");
            der.push(0);
            assert!(!is_one_sequence(&der), "{size}");
            der.truncate(der.len() - 2);
            assert!(!is_one_sequence(&der), "{size}");
        }
        assert!(!is_one_sequence(&[]));
    }
}
