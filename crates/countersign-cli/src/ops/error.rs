use countersign::jose::Algorithm;
use countersign::registry::{NotHeld, RegistryError};
use countersign::rejection::Reason;
use countersign_store::StoreError;

/// An error that an operation returns. The command line and `/admin/v1` each have their own text for
/// it.
#[derive(Debug)]
pub enum OpsError {
    /// The registry returned an error.
    Registry(RegistryError),
    /// The store returned an error.
    Store(StoreError),
    /// There is no issuer of this name.
    IssuerNotFound(String),
    /// A new credential is to use an issuer that does not exist.
    UnknownIssuer(String),
    /// The operation concerns the whole server, and the caller is not of the default account.
    DefaultAccountRequired,
    /// A signing key is to be of another algorithm than the configured one, with which no server that
    /// reads the configuration could start.
    AlgorithmConfigured {
        /// The issuer's name.
        issuer: String,
        /// The configured algorithm.
        configured: Algorithm,
        /// The requested algorithm.
        wanted: Algorithm,
    },
    /// The signing key in this state is not published, or has no public part (HMAC).
    NoPublicKey(&'static str),
    /// The token is not a valid token of this server.
    InvalidToken(Reason),
    /// Whether the token is valid cannot be decided at present.
    TokenUndecided,
    /// The token lacks a claim by which a token is revoked.
    TokenNotIdentified,
    /// The state of the audit log is not known to this version.
    UnknownAuditState,
}

impl From<NotHeld> for OpsError {
    fn from(error: NotHeld) -> Self {
        Self::Registry(error.into())
    }
}

impl From<RegistryError> for OpsError {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl From<StoreError> for OpsError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
