//! The programs on the pages of `docs` and in the README, as doc tests. `tests/pages` runs the commands on the pages.

/// Compiles and runs the programs of these pages.
macro_rules! pages {
    ($($name:ident = $page:literal),+ $(,)?) => {
        $(
            #[cfg(doctest)]
            #[doc = include_str!($page)]
            pub mod $name {}
        )+
    };
}

pages! {
    readme = "../../../README.md",
    feed = "../../../docs/feed.md",
    getting_started = "../../../docs/getting-started.md",
    identity_providers = "../../../docs/identity-providers.md",
    auth0 = "../../../docs/identity-providers/auth0.md",
    cognito = "../../../docs/identity-providers/cognito.md",
    entra = "../../../docs/identity-providers/entra.md",
    firebase = "../../../docs/identity-providers/firebase.md",
    github_actions = "../../../docs/identity-providers/github-actions.md",
    gitlab = "../../../docs/identity-providers/gitlab.md",
    google = "../../../docs/identity-providers/google.md",
    keycloak = "../../../docs/identity-providers/keycloak.md",
    kubernetes = "../../../docs/identity-providers/kubernetes.md",
    okta = "../../../docs/identity-providers/okta.md",
    from_hand_written = "../../../docs/migration/hand-written.md",
    from_jwt_authorizer = "../../../docs/migration/jwt-authorizer.md",
    from_tower_http = "../../../docs/migration/tower-http.md",
    api_keys = "../../../docs/services/api-keys.md",
    axum = "../../../docs/services/axum.md",
    calling_other_services = "../../../docs/services/calling-other-services.md",
    optional = "../../../docs/services/optional.md",
    tonic = "../../../docs/services/tonic.md",
}
