use std::collections::HashMap;

use super::requirement::{Check, Requirement};
use crate::auth::BuildError;
use crate::principal::Principal;
use crate::rejection::UnmetRequirement;

/// The requirement of each path. Other paths are rejected.
#[derive(Debug)]
pub(super) struct Methods(HashMap<Box<str>, Check>);

impl Methods {
    pub(super) fn new<P: Into<Box<str>>>(
        table: impl IntoIterator<Item = (P, Requirement)>,
    ) -> Result<Self, BuildError> {
        let mut methods = HashMap::new();
        for (path, requirement) in table {
            let path = path.into();
            // `/package.Service/Method`, as in the `:path` of gRPC.
            let named = path.strip_prefix('/').and_then(|rest| rest.split_once('/'));
            let fits = named.is_some_and(|(service, method)| {
                !service.is_empty() && !method.is_empty() && !method.contains('/')
            });
            if !fits {
                return Err(BuildError::Method(path));
            }
            let check = Check::new(&requirement)?;
            if methods.insert(path.clone(), check).is_some() {
                return Err(BuildError::Method(path));
            }
        }
        Ok(Self(methods))
    }

    pub(super) fn check(&self, path: &str, principal: &Principal) -> Result<(), UnmetRequirement> {
        let check = self.0.get(path).ok_or(UnmetRequirement::Denied)?;
        check.check(principal)
    }
}
