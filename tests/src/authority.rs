use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    SanType, date_time_ymd,
};

/// An authority that issues certificates of servers and clients.
#[expect(missing_debug_implementations, reason = "test support")]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
#[expect(missing_debug_implementations, reason = "test support")]
pub struct IssuedCertificate {
    pub certificate: Certificate,
    pub key: KeyPair,
}

impl Default for Authority {
    fn default() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "authority");
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }
}

impl Authority {
    pub const fn certificate(&self) -> &CertifiedIssuer<'static, KeyPair> {
        &self.0
    }

    /// Issues a certificate of `localhost` that expires at the start of this year.
    pub fn server(&self, year: i32) -> IssuedCertificate {
        self.issue(SanType::DnsName("localhost".try_into().unwrap()), year)
    }

    /// Issues a certificate of a client, which expires in 2100.
    pub fn client(&self, uri: &str) -> IssuedCertificate {
        self.issue(SanType::URI(uri.try_into().unwrap()), 2100)
    }

    fn issue(&self, name: SanType, year: i32) -> IssuedCertificate {
        let mut params = CertificateParams::new([]).unwrap();
        params.subject_alt_names.push(name);
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        IssuedCertificate { certificate, key }
    }
}
