/// What a principal lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UnmetRequirement {
    /// These scopes, joined by spaces.
    Scope(String),
    Primary,
    Denied,
}
