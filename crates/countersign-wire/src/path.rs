//! The path of a request below the path that a resource is mounted at.

/// Returns the rest of `path` after `mounted_at` and a slash, empty for the resource itself; `None` if the path is
/// elsewhere.
pub(crate) fn below<'a>(path: &'a str, mounted_at: &str) -> Option<&'a str> {
    match path.strip_prefix(mounted_at.trim_end_matches('/'))? {
        "" => Some(""),
        rest => rest.strip_prefix('/'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_below_the_mounted_resource_or_elsewhere() {
        for (path, mounted_at, rest) in [
            ("/", "", Some("")),
            ("/id/suspend", "", Some("id/suspend")),
            ("/api/tokens", "/api/tokens", Some("")),
            ("/api/tokens/", "/api/tokens", Some("")),
            ("/api/tokens/id", "/api/tokens/", Some("id")),
            ("/api/tokens//id", "/api/tokens", Some("/id")),
            ("/api/tokensid", "/api/tokens", None),
            ("/id", "/api/tokens", None),
            ("*", "", None),
        ] {
            assert_eq!(below(path, mounted_at), rest, "{path} at {mounted_at}");
        }
    }
}
