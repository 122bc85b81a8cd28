use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use countersign::Secret;
use countersign::directory::MemoryDirectory;
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Basic};
use countersign::random::SystemRandom;
use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry as _};
use countersign::require::scope;
use countersign::time::SystemClock;
use countersign_cli::config::PathPattern;
use tower::ServiceExt as _;

use super::*;

pub(super) struct Fixture {
    routes: Router,
    /// A key with the scope `calls:read`.
    pub(super) reader: Secret,
    /// A key with the scope `calls:*`.
    writer: Secret,
}

fn rule(path: &str, methods: &[Method], access: Access) -> GatewayRule {
    GatewayRule {
        path: PathPattern::parse(path).unwrap(),
        methods: methods.to_vec(),
        access,
    }
}

fn scoped(text: &str) -> Access {
    Access::Authenticated(vec![scope(text)])
}

pub(super) async fn fixture() -> Fixture {
    let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    let directory = Arc::new(MemoryDirectory::default());
    let registry = MemoryRegistry::new(
        directory.clone(),
        peppers.clone(),
        SystemClock,
        SystemRandom,
    );
    let registry = registry.unwrap();
    let create = async |scopes: &str| {
        let new = NewKey::new("test", scopes.parse().unwrap());
        let created = registry.create_key(&Caller::operator("test"), new).await;
        created.unwrap().issued.key
    };
    let rules = [
        rule("/calls/internal/**", &[], Access::Denied),
        rule(
            "/calls/**",
            &[Method::GET, Method::HEAD],
            scoped("calls:read"),
        ),
        rule("/calls/**", &[Method::POST], scoped("calls:write")),
        rule("/about", &[], Access::Public),
        rule("/me", &[], Access::Authenticated(Vec::new())),
    ];
    let basic = Basic::new(directory.clone(), peppers.clone());
    let authenticator = Authenticator::builder()
        .primary(ApiKeys::new(directory.clone(), peppers.clone()))
        .primary(basic);
    let routes = routes_over(&rules, authenticator.build().unwrap()).unwrap();
    Fixture {
        routes: routes.into_router(),
        reader: create("calls:read").await,
        writer: create("calls:*").await,
    }
}

impl Fixture {
    /// Asks at `/forward-auth` about a request with these headers.
    async fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Response {
        let original = [("x-original-method", method), ("x-original-uri", target)];
        self.send(
            true,
            Request::get(FORWARD_AUTH),
            &[&original[..], headers].concat(),
        )
        .await
    }

    /// Asks at `/ext-authz`.
    async fn ask_as_envoy(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Response {
        let request = Request::builder()
            .method(method)
            .uri(format!("{EXT_AUTHZ}{target}"));
        self.send(true, request, headers).await
    }

    async fn send(
        &self,
        from_proxy: bool,
        request: http::request::Builder,
        headers: &[(&str, &str)],
    ) -> Response {
        let mut request = request.extension(FromProxy(from_proxy));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.respond(request.body(Body::empty()).unwrap()).await
    }

    pub(super) async fn respond(&self, request: Request) -> Response {
        self.routes.clone().oneshot(request).await.unwrap()
    }
}

/// Returns the identity that a response tells.
fn identity(headers: &HeaderMap) -> Vec<(&str, &str)> {
    let own = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("countersign-"));
    own.map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn first_rule_that_matches_path_and_method_decides_and_without_one_the_request_is_denied() {
    let fixture = fixture().await;
    let (reader, writer) = (fixture.reader.expose(), fixture.writer.expose());
    for (method, target, key, status) in [
        ("GET", "/calls/7?x=1", Some(reader), 200),
        ("HEAD", "/calls", Some(reader), 200),
        ("POST", "/calls", Some(reader), 403),
        ("POST", "/calls", Some(writer), 200),
        ("DELETE", "/calls/7", Some(writer), 403),
        ("get", "/calls", Some(writer), 403),
        ("GET", "/calls/internal/7", Some(writer), 403),
        ("GET", "/calls/internal/7", None, 403),
        ("GET", "/calls", None, 401),
        ("GET", "/calls", Some("wrong"), 401),
        ("GET", "/about", None, 200),
        ("GET", "/about", Some(reader), 200),
        ("GET", "/about", Some("wrong"), 401),
        ("GET", "/me", Some(reader), 200),
        ("GET", "/me", None, 401),
        ("GET", "/other", Some(writer), 403),
        ("GET", "/other", None, 403),
        ("GET", "/calls/../me", Some(writer), 403),
        ("GET", "/calls/%2e%2e/me", Some(writer), 403),
        ("GET", "//calls", Some(writer), 403),
    ] {
        let key = key.map(|key| ("x-api-key", key));
        let headers: Vec<_> = key.into_iter().collect();
        let response = fixture.ask(method, target, &headers).await;
        assert_eq!(response.status(), status, "{method} {target}");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let response = fixture.ask_as_envoy(method, target, &headers).await;
        assert_eq!(response.status(), status, "as Envoy: {method} {target}");
    }
}

#[tokio::test]
async fn accepted_request_is_answered_with_the_identity_of_its_credentials() {
    let fixture = fixture().await;
    let key = [("x-api-key", fixture.reader.expose())];
    let response = fixture.ask("GET", "/calls", &key).await;
    let told = identity(response.headers());
    let names: Vec<_> = told.iter().map(|(name, _)| *name).collect();
    let expected = [
        "countersign-subject",
        "countersign-scopes",
        "countersign-scheme",
        "countersign-account",
        "countersign-credential",
    ];
    assert_eq!(names, expected);
    assert!(
        told.contains(&("countersign-scopes", "calls:read")),
        "{told:?}"
    );
    assert!(
        told.contains(&("countersign-scheme", "api_key")),
        "{told:?}"
    );
    let response = fixture
        .ask("GET", "/about", &[("countersign-subject", "forged")])
        .await;
    assert!(identity(response.headers()).is_empty());
}

#[tokio::test]
async fn rejected_request_is_answered_with_one_line_of_challenges_and_without_an_identity() {
    let fixture = fixture().await;
    let key = fixture.reader.expose();
    let both = "ApiKey realm=\"countersign\", Basic realm=\"countersign\", charset=\"UTF-8\"";
    let one = "ApiKey realm=\"countersign\"";
    for (headers, status, challenge) in [
        (vec![], 401, Some(both)),
        (vec![("authorization", "Negotiate x")], 401, Some(both)),
        (vec![("x-api-key", "wrong")], 401, Some(one)),
        (vec![("x-api-key", key), ("x-api-key", key)], 400, None),
        (
            vec![("x-api-key", key), ("authorization", "Basic eDp5")],
            400,
            None,
        ),
    ] {
        for target in ["/calls", "/about"] {
            let response = fixture.ask("GET", target, &headers).await;
            // Without credentials, a public path is accepted.
            if headers.is_empty() && target == "/about" {
                continue;
            }
            assert_eq!(response.status(), status, "{headers:?} {target}");
            let challenges = response.headers().get_all("www-authenticate").iter();
            let challenges: Vec<_> = challenges.map(|one| one.to_str().unwrap()).collect();
            assert_eq!(challenges, Vec::from_iter(challenge), "{headers:?}");
            assert_eq!(response.headers()["cache-control"], "no-store");
            assert_eq!(
                response.headers()["content-type"],
                "application/problem+json"
            );
            assert!(identity(response.headers()).is_empty());
        }
    }
}

#[tokio::test]
async fn original_request_is_believed_from_trusted_proxies_alone_and_must_be_whole() {
    let fixture = fixture().await;
    let key = ("x-api-key", fixture.writer.expose());
    let original = [
        ("x-original-method", "GET"),
        ("x-original-uri", "/calls"),
        key,
    ];
    let envoy = format!("{EXT_AUTHZ}/calls");
    for (from_proxy, path, headers, status) in [
        (true, FORWARD_AUTH, &original[..], 200),
        (false, FORWARD_AUTH, &original, 403),
        (true, FORWARD_AUTH, &original[1..], 403),
        (true, FORWARD_AUTH, &[key], 403),
        (true, &*envoy, &[key], 200),
        (false, &*envoy, &[key], 403),
        (true, EXT_AUTHZ, &[key], 404),
        (true, "/ext-authz/", &[key], 403),
    ] {
        let response = fixture.send(from_proxy, Request::get(path), headers).await;
        assert_eq!(response.status(), status, "{from_proxy} {path} {headers:?}");
    }
    let conflicting = [&original[..], &[("x-forwarded-uri", "/about")]].concat();
    let response = fixture
        .send(true, Request::get(FORWARD_AUTH), &conflicting)
        .await;
    assert_eq!(response.status(), 403);
    // Without the layer of the connection, no peer is trusted.
    let mut request = Request::get(FORWARD_AUTH);
    for (name, value) in original {
        request = request.header(name, value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = fixture.respond(request).await;
    assert_eq!(response.status(), 403);
}
