use std::fmt;
use std::sync::Arc;

use crate::time::Timestamp;

/// The certificate of the client, as a request extension.
///
/// The code that accepts TLS connections creates it once for each connection, of a certificate that the handshake has
/// verified, and inserts it into the extensions of each request of the connection. Nothing in a request can set it.
///
/// With the feature `client-certificates`, [`from_der`](Self::from_der) creates it, and
/// [`ClientCertificates`](crate::mechanism::ClientCertificates) authenticates it. Cloning it copies a reference count.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    fingerprint: Box<str>,
    key_fingerprint: Box<str>,
    uris: Box<[Box<str>]>,
    dns_names: Box<[Box<str>]>,
    expires_at: Timestamp,
}

impl ClientCertificate {
    /// Reads the certificate of a client, which is the first of the chain that it sent. The handshake has verified it:
    /// its chain, its validity, and that the client has its key.
    ///
    /// ```
    /// use countersign::credentials::ClientCertificate;
    ///
    /// assert!(ClientCertificate::from_der(b"not a certificate").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidCertificate`] if it is not a certificate of X.509 version 3 in DER (RFC 5280).
    #[cfg(feature = "client-certificates")]
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidCertificate> {
        let certificate = rustls_pki_types::CertificateDer::from(der);
        // The form is checked as rustls checks it in the handshake.
        let names =
            webpki::EndEntityCert::try_from(&certificate).map_err(|_| InvalidCertificate)?;
        let key = crate::der::key_of_certificate(der).ok_or(InvalidCertificate)?;
        let expires_at = crate::der::end_of_certificate(der).ok_or(InvalidCertificate)?;
        Ok(Self(Arc::new(Inner {
            fingerprint: sha256(der),
            key_fingerprint: sha256(key),
            uris: names.valid_uri_names().map(Into::into).collect(),
            dns_names: names.valid_dns_names().map(Into::into).collect(),
            expires_at,
        })))
    }

    /// Creates the certificate of a client with this URI, which never expires, for tests.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn for_test(uri: &str) -> Self {
        Self(Arc::new(Inner {
            fingerprint: "0".repeat(64).into(),
            key_fingerprint: "1".repeat(64).into(),
            uris: [uri.into()].into(),
            dns_names: [].into(),
            expires_at: Timestamp::from_unix_millis(i64::MAX),
        }))
    }

    /// Returns the SHA-256 digest of the certificate as 64 lower-case hexadecimal digits, as
    /// `openssl x509 -in client.pem -outform DER | sha256sum` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// Returns the SHA-256 digest of the public key (`SubjectPublicKeyInfo`) as 64 lower-case hexadecimal digits. It stays
    /// the same if the certificate is renewed for the same key.
    #[must_use]
    pub fn key_fingerprint(&self) -> &str {
        &self.0.key_fingerprint
    }

    /// Returns the URIs of the subject alternative names (RFC 5280 §4.2.1.6), such as the SPIFFE ID of a workload. Compare
    /// them whole.
    pub fn uris(&self) -> impl Iterator<Item = &str> {
        self.0.uris.iter().map(|uri| &**uri)
    }

    /// Returns the DNS names of the subject alternative names. They may contain wildcards.
    pub fn dns_names(&self) -> impl Iterator<Item = &str> {
        self.0.dns_names.iter().map(|name| &**name)
    }

    /// Returns when the certificate expires (`notAfter`). A connection may last longer.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.0.expires_at
    }
}

#[cfg(feature = "client-certificates")]
fn sha256(bytes: &[u8]) -> Box<str> {
    use std::fmt::Write as _;

    use aws_lc_rs::digest::{SHA256, digest};

    let mut hex = String::with_capacity(64);
    for byte in digest(&SHA256, bytes).as_ref() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex.into()
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("fingerprint", &self.0.fingerprint)
            .field("uris", &self.0.uris)
            .field("dns_names", &self.0.dns_names)
            .finish_non_exhaustive()
    }
}

/// The bytes are not a certificate of X.509 version 3 in DER.
#[cfg(feature = "client-certificates")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a certificate of X.509 version 3 in DER: pass the first certificate of the client's chain"
)]
pub struct InvalidCertificate;

#[cfg(test)]
#[cfg(feature = "client-certificates")]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType, date_time_ymd};

    use super::*;

    fn certificate(params: &CertificateParams) -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn names_digests_and_expiry_are_those_of_the_certificate() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["api.example".to_owned()]).unwrap();
        let uri = "spiffe://acme.example/billing";
        let name = SanType::URI(uri.try_into().unwrap());
        params.subject_alt_names.push(name);
        params.not_after = date_time_ymd(2027, 3, 15);
        let first = params.self_signed(&key).unwrap();
        let read = ClientCertificate::from_der(first.der()).unwrap();
        assert_eq!(read.uris().collect::<Vec<_>>(), [uri]);
        assert_eq!(read.dns_names().collect::<Vec<_>>(), ["api.example"]);
        assert_eq!(read.expires_at().to_rfc3339(), "2027-03-15T00:00:00Z");
        assert_eq!(read.fingerprint(), &*sha256(first.der()));
        assert_eq!(read.fingerprint().len(), 64);

        params.serial_number = Some(7_u64.into());
        let renewed = params.self_signed(&key).unwrap();
        let renewed = ClientCertificate::from_der(renewed.der()).unwrap();
        assert_ne!(renewed.fingerprint(), read.fingerprint());
        assert_eq!(renewed.key_fingerprint(), read.key_fingerprint());
    }

    // RFC 5280 §4.1.2.5: dates from 2050 on are encoded as GeneralizedTime.
    #[test]
    fn expiry_is_read_before_and_after_2050() {
        for (year, expected) in [
            (1999, "1999-01-02T00:00:00Z"),
            (2049, "2049-01-02T00:00:00Z"),
            (2050, "2050-01-02T00:00:00Z"),
            (2345, "2345-01-02T00:00:00Z"),
        ] {
            let mut params = CertificateParams::new([]).unwrap();
            params.not_before = date_time_ymd(1990, 1, 1);
            params.not_after = date_time_ymd(year, 1, 2);
            let read = ClientCertificate::from_der(&certificate(&params)).unwrap();
            assert_eq!(read.expires_at().to_rfc3339(), expected);
        }
    }

    #[test]
    fn bytes_that_are_cut_or_followed_by_others_are_no_certificate() {
        let der = certificate(&CertificateParams::new([]).unwrap());
        assert!(ClientCertificate::from_der(&der).is_ok());
        for length in 0..der.len() {
            let cut = ClientCertificate::from_der(&der[..length]);
            assert_eq!(cut, Err(InvalidCertificate), "{length} bytes");
        }
        let longer = [&der[..], &[0]].concat();
        assert_eq!(
            ClientCertificate::from_der(&longer),
            Err(InvalidCertificate)
        );
    }

    #[test]
    fn certificate_with_any_byte_changed_is_read_or_rejected_without_a_panic() {
        let der = certificate(&CertificateParams::new(["a.example".to_owned()]).unwrap());
        for at in 0..der.len() {
            for byte in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = der.clone();
                changed[at] = byte;
                let _ = ClientCertificate::from_der(&changed);
            }
        }
    }
}
