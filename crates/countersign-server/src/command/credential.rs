//! Keys and users as text.

/// The fields of one credential.
pub(super) const FIELDS: &str = "id name status reason scopes allow_from issuers account_id environment_id \
    generation created_at updated_at expires_at last_used_at grace_until";

/// The columns of a list of credentials.
pub(super) const COLUMNS: &str = "id status expires_at last_used_at updated_at grace_until allow_from issuers reason \
    name scopes";
