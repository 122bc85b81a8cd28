use std::fmt;
use std::sync::Arc;

use crate::credentials::{Carrier, ClientCertificate, Credentials, RequestHead, Scheme};
use crate::directory::{CredentialKind, Directory, Usage, look_up};
use crate::id::Id;
use crate::mechanism::stored::revalidate_stored;
use crate::mechanism::{CredentialSelector, Mechanism, Outcome, PrimaryMechanism, sealed};
use crate::principal::{Identity, IdentityFields, Principal, Subject};
use crate::reason::Reason;
use crate::rejection::Challenge;
use crate::scope::Scopes;
use crate::time::Timestamp;

const CHALLENGE: Challenge = Challenge::named("ClientCertificate");

type FindCredential = dyn Fn(&ClientCertificate) -> Option<Id> + Send + Sync;
type FindSubject = dyn Fn(&ClientCertificate) -> Option<(String, Scopes)> + Send + Sync;

/// Authenticates client certificates as stored credentials (feature `client-certificates`).
///
/// The code that accepts TLS connections verifies the certificate in the handshake, and inserts a [`ClientCertificate`]
/// into the extensions of each request. A function maps it to the id of a credential. The status, the expiry, the networks
/// and the scopes are those of the credential, and its principals are primary.
///
/// The certificate counts only if the request has no credentials in its headers, so that other credentials can be sent
/// over a connection with a certificate.
///
/// A browser sends the certificate with the requests of every page. A request that may change something, or opens a WebSocket,
/// is 403 if its `Sec-Fetch-Site` or `Origin` names another site.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Arc;
/// use countersign::auth::Authenticator;
/// use countersign::credentials::{ClientCertificate, Credentials, RequestHead};
/// use countersign::directory::MemoryDirectory;
/// use countersign::key::{Pepper, Peppers};
/// use countersign::mechanism::ClientCertificates;
/// use countersign::random::SystemRandom;
/// use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
/// use countersign::rejection::Reason;
/// use countersign::time::SystemClock;
///
/// # tokio_test::block_on(async {
/// let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
/// let directory = Arc::new(MemoryDirectory::default());
/// let registry = MemoryRegistry::new(directory.clone(), peppers, SystemClock, SystemRandom)?;
/// let new = NewKey::new("billing", "calls:read".parse()?);
/// let billing = registry.create_key(&Caller::operator("docs"), new).await?.record.id;
///
/// let clients = HashMap::from([("spiffe://acme.example/billing", billing)]);
/// let certificates = ClientCertificates::new(directory, move |certificate| {
///     certificate.uris().find_map(|uri| clients.get(uri).copied())
/// });
/// let authenticator = Authenticator::builder().primary(certificates).build()?;
///
/// # #[cfg(feature = "testing")]
/// let authenticate = async |uri| {
///     let certificate = ClientCertificate::for_test(uri); // in a server: ClientCertificate::from_der(…)
///     let credentials = Credentials::certificate(certificate);
///     authenticator.authenticate(credentials, &RequestHead::empty()).await
/// };
/// # #[cfg(feature = "testing")] {
/// let accepted = authenticate("spiffe://acme.example/billing").await?;
/// assert_eq!(accepted.subject(), billing.to_string());
/// let rejected = authenticate("spiffe://acme.example/other").await.unwrap_err();
/// assert_eq!(rejected.reason(), Reason::CertificateUnknown);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct ClientCertificates {
    directory: Arc<dyn Directory>,
    find: Arc<FindCredential>,
}

impl ClientCertificates {
    /// Accepts certificates for which `find` returns the id of an API key or a user in the directory.
    #[must_use]
    pub fn new(
        directory: Arc<dyn Directory>,
        find: impl Fn(&ClientCertificate) -> Option<Id> + Send + Sync + 'static,
    ) -> Self {
        Self {
            directory,
            find: Arc::new(find),
        }
    }

    fn verify(&self, credentials: &Credentials, now: Timestamp) -> Result<Identity, Reason> {
        let certificate = unexpired(credentials, now)?;
        let directory = &self.directory;
        let id = (self.find)(certificate);
        let found = look_up(directory, || {
            id.as_ref().and_then(|id| directory.credential(id))
        })?;
        let id = id.ok_or(Reason::CertificateUnknown)?;
        let credential = found
            // A managed token is itself a bearer token, and never primary.
            .filter(|credential| credential.kind() != CredentialKind::Token)
            .ok_or(Reason::CredentialUnknown)?;
        let end = certificate.expires_at();
        let end = credential.expires_at.map_or(end, |other| other.min(end));
        let scheme = Scheme::ClientCertificate;
        let identity = Identity::proven(credential, scheme, credentials.from(), now)?;
        directory.used(Usage {
            credential: id,
            at: now,
            digest: None,
            password: None,
        });
        Ok(identity.expires_at(end))
    }
}

/// Returns the certificate. The handshake has checked its expiry, but a connection may outlast it.
fn unexpired(credentials: &Credentials, now: Timestamp) -> Result<&ClientCertificate, Reason> {
    let certificate = credentials.client_certificate();
    let certificate = certificate.ok_or(Reason::CertificateUnknown)?;
    if now >= certificate.expires_at() {
        return Err(Reason::CertificateExpired);
    }
    Ok(certificate)
}

/// Checks again that the certificate behind a principal has not expired.
fn check_expiry(principal: &Principal, now: Timestamp) -> Result<(), Reason> {
    match principal.expires_at() {
        Some(end) if now >= end => Err(Reason::CertificateExpired),
        _ => Ok(()),
    }
}

impl Mechanism for ClientCertificates {
    fn selectors(&self) -> Vec<CredentialSelector> {
        vec![CredentialSelector::all(Carrier::ClientCertificate)]
    }

    fn challenge(&self) -> Challenge {
        CHALLENGE
    }

    fn try_authenticate(
        &self,
        credentials: &Credentials,
        _: &RequestHead<'_>,
        now: Timestamp,
    ) -> Option<Outcome> {
        Some(self.verify(credentials, now).into())
    }

    fn revalidate(&self, principal: &Principal, now: Timestamp) -> Result<(), Reason> {
        revalidate_stored(&*self.directory, principal, now)?;
        check_expiry(principal, now)
    }

    fn is_primary(&self, _: sealed::Internal) -> bool {
        true
    }
}

impl PrimaryMechanism for ClientCertificates {}
impl sealed::Sealed for ClientCertificates {}

impl fmt::Debug for ClientCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificates").finish_non_exhaustive()
    }
}

/// Authenticates client certificates as subjects that are not stored (feature `client-certificates`), for example the
/// workloads of a service mesh.
///
/// A function maps the [`ClientCertificate`] to a subject and its scopes. The principals are not primary, so no token can be
/// minted for them: [`ClientCertificates`] maps certificates to stored credentials.
///
/// ```
/// use countersign::AuthLayer;
/// use countersign::mechanism::CertificateSubjects;
///
/// let subjects = CertificateSubjects::new(|certificate| {
///     let uri = certificate.uris().find(|uri| uri.starts_with("spiffe://acme.example/"))?;
///     Some((uri.to_owned(), "calls:read".parse().ok()?))
/// });
/// let layer = AuthLayer::builder().mechanism(subjects).build()?;
/// # let _ = layer;
/// # Ok::<(), countersign::auth::BuildError>(())
/// ```
///
/// It does not compile as a primary mechanism:
///
/// ```compile_fail,E0277
/// use countersign::auth::Authenticator;
/// use countersign::mechanism::CertificateSubjects;
///
/// fn mint_for_subjects(subjects: CertificateSubjects) {
///     Authenticator::builder().primary(subjects);
/// }
/// ```
#[derive(Clone)]
pub struct CertificateSubjects(Arc<FindSubject>);

impl CertificateSubjects {
    /// Accepts certificates for which `find` returns a subject and its scopes.
    #[must_use]
    pub fn new(
        find: impl Fn(&ClientCertificate) -> Option<(String, Scopes)> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(find))
    }

    fn verify(&self, credentials: &Credentials, now: Timestamp) -> Result<Identity, Reason> {
        let certificate = unexpired(credentials, now)?;
        let (subject, scopes) = (self.0)(certificate).ok_or(Reason::CertificateUnknown)?;
        let subject = Subject::Text(subject.into());
        let identity = IdentityFields::bare(Scheme::ClientCertificate, subject, scopes);
        Ok(Identity::from(identity).expires_at(certificate.expires_at()))
    }
}

impl Mechanism for CertificateSubjects {
    fn selectors(&self) -> Vec<CredentialSelector> {
        vec![CredentialSelector::all(Carrier::ClientCertificate)]
    }

    fn challenge(&self) -> Challenge {
        CHALLENGE
    }

    fn try_authenticate(
        &self,
        credentials: &Credentials,
        _: &RequestHead<'_>,
        now: Timestamp,
    ) -> Option<Outcome> {
        Some(self.verify(credentials, now).into())
    }

    fn revalidate(&self, principal: &Principal, now: Timestamp) -> Result<(), Reason> {
        check_expiry(principal, now)
    }
}

impl fmt::Debug for CertificateSubjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateSubjects")
            .finish_non_exhaustive()
    }
}
