use crate::remote::{FetchError, RemoteError};
use crate::url::RejectedUrl;

/// The reason why a verifier has not accepted an answer. It keeps what it knows, until that is too old.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// There was no answer. With the status 401 or 403, the issuer does not accept the credential of this verifier, the
    /// credential lacks the scope `feed:denials` or `feed:credentials`, or the issuer sends no credentials over this connection.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The answer is not one that may be used.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The generator of random bytes failed.
    #[error("the generator of random bytes failed")]
    Random,
    /// The runtime of the task has shut down. The feed is not followed any more.
    #[error("the runtime has shut down")]
    Ended,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is longer than permitted.
    #[error(
        "the message is longer than permitted: raise `max_bytes` if the issuer has that many denials and API keys"
    )]
    TooLong,
    /// It does not have the form of a message.
    #[error("the message is not of the expected form")]
    Malformed,
    /// It is signed, but as something else, such as a token.
    #[error("the signed text is not a message of a feed")]
    NotAFeed,
    /// It is signed with a key that is not one of the feed.
    #[error("the message is signed with a key that is not one of the feed")]
    UnknownKey,
    /// Its signature is invalid.
    #[error("the signature of the message is invalid")]
    Signature,
    /// It has another version.
    #[error("the message has the version {0}, which this version of the program does not read")]
    Version(u32),
    /// Its records are not those that were signed.
    #[error("the message is incomplete, or its records were changed")]
    Truncated,
    /// It is the answer to another question.
    #[error("the message is the answer to another question")]
    OtherQuestion,
    /// It is of another issuer.
    #[error(
        "the message is of another issuer: compare the URL with the `issuer` of the server's metadata"
    )]
    OtherIssuer,
    /// It comes from another database than before.
    #[error(
        "the message comes from another database than those before: restart this process if that is intended"
    )]
    OtherCluster,
    /// It is older than what the verifier knows.
    #[error("the message is older than those before")]
    Older,
    /// It does not continue what the verifier knows.
    #[error("the message does not continue those before")]
    Gap,
    /// It contains API keys, which the verifier has not asked for.
    #[error("the message contains API keys, which were not asked for")]
    UnexpectedCredentials,
    /// It does not contain the API keys that the verifier has asked for.
    #[error("the message does not contain the API keys of the issuer")]
    NoCredentials,
    /// With it, there would be more API keys than permitted.
    #[error("the issuer has more API keys than permitted: raise `max_credentials`")]
    TooManyCredentials,
    /// Its keys are not a JWK set.
    #[error("the keys in the message are not of the expected form")]
    Keys,
}

/// An error in the configuration of a feed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The feed may not be followed at this URL.
    #[error(transparent)]
    Url(#[from] RejectedUrl),
    /// The credential contains characters that a header cannot contain.
    #[error("the credential contains characters that a header cannot contain")]
    Credential,
    /// The bound is out of range.
    #[error("`max_staleness` must be from 1 s to 1 h")]
    MaxStaleness,
    /// There is no HTTP client, no root certificate, or the file of authorities cannot be read.
    #[error(transparent)]
    Client(#[from] RemoteError),
    /// There is no tokio runtime for the task.
    #[error("connect within a tokio runtime")]
    NoRuntime,
    /// The generator of random bytes failed.
    #[error("the generator of random bytes failed")]
    Random,
}
