use std::collections::HashMap;

use super::Requirement;
use crate::auth::BuildError;

/// Returns the requirement of each path.
pub(super) fn by_path<P: Into<Box<str>>>(
    table: impl IntoIterator<Item = (P, Requirement)>,
) -> Result<HashMap<Box<str>, Requirement>, BuildError> {
    let mut methods = HashMap::new();
    for (path, requirement) in table {
        let path = path.into();
        // `/package.Service/Method`, as in the `:path` of gRPC.
        let named = path.strip_prefix('/').and_then(|rest| rest.split_once('/'));
        let fits = named.is_some_and(|(service, method)| {
            !service.is_empty() && !method.is_empty() && !method.contains('/')
        });
        requirement.validate()?;
        if !fits || methods.contains_key(&path) {
            return Err(BuildError::Method(path));
        }
        methods.insert(path, requirement);
    }
    Ok(methods)
}
