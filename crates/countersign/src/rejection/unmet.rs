/// A requirement that a principal does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UnmetRequirement {
    /// The principal lacks these scopes, separated by spaces.
    Scope(String),
    Primary,
    Denied,
}
