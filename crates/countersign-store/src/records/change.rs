use countersign::Id;

/// An entry of the change log: the record that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ChangedEntity {
    Credential(Id),
    /// The managed tokens that this credential created: all of them are revoked.
    CreatedTokens(Id),
    Account(Id),
    /// A single token that was denied, or a session that was ended.
    Denial(Id),
    SigningKey(Id),
    Peppers,
    /// A node whose removal begins: each node reads again whether it is listed.
    Node(Id),
}
