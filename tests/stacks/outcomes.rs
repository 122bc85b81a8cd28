//! The status and the challenges of every outcome, on each stack.

use http::StatusCode;

use crate::fixture::{Fixture, basic, bearer, get, text};
use crate::stack;

const BEARER: &str = r#"Bearer realm="countersign""#;
const API_KEY: &str = r#"ApiKey realm="countersign""#;
const BASIC: &str = r#"Basic realm="countersign", charset="UTF-8""#;
const INVALID_TOKEN: &str = r#"Bearer realm="countersign", error="invalid_token""#;
const INVALID_REQUEST: &str = r#"Bearer realm="countersign", error="invalid_request""#;
const INSUFFICIENT: &str =
    r#"Bearer realm="countersign", error="insufficient_scope", scope="calls:write""#;

/// A case: name, path, headers, expected status and expected challenges.
type Row<'a> = (
    &'a str,
    &'a str,
    &'a [(&'a str, &'a [u8])],
    u16,
    &'a [&'a str],
);

#[tokio::test]
async fn every_outcome_is_the_same_on_every_stack() {
    let fixture = Fixture::new().await;
    let token = bearer(&fixture.token);
    let key = text(&fixture.key.issued.key);
    let key_as_bearer = bearer(fixture.key.issued.key.expose());
    let id = fixture.key.record.id.to_string();
    let pair = basic(&id, fixture.key.issued.secret.expose());
    let password = basic("test", "123£");
    let key_headers = [("x-api-key", key)];
    let rows: [Row<'_>; 22] = [
        (
            "token accepted",
            "/",
            &[("authorization", &token)],
            200,
            &[],
        ),
        ("key accepted", "/", &key_headers, 200, &[]),
        (
            "key as bearer accepted",
            "/",
            &[("authorization", &key_as_bearer)],
            200,
            &[],
        ),
        (
            "key as Basic accepted",
            "/",
            &[("authorization", &pair)],
            200,
            &[],
        ),
        (
            "password accepted",
            "/",
            &[("authorization", &password)],
            200,
            &[],
        ),
        (
            "nothing presented",
            "/",
            &[],
            401,
            &[BEARER, API_KEY, BASIC],
        ),
        (
            "undeclared scheme",
            "/",
            &[("authorization", b"Digest a=b")],
            401,
            &[BEARER, API_KEY, BASIC],
        ),
        (
            "two credentials",
            "/",
            &[("authorization", &token), ("x-api-key", key)],
            400,
            &[INVALID_REQUEST],
        ),
        (
            "invalid token",
            "/",
            &[("authorization", b"Bearer a.b.c")],
            401,
            &[INVALID_TOKEN],
        ),
        (
            "invalid key",
            "/",
            &[("x-api-key", b"cs_bad")],
            401,
            &[API_KEY],
        ),
        (
            "invalid key as bearer",
            "/",
            &[("authorization", b"Bearer cs_bad")],
            401,
            &[INVALID_TOKEN],
        ),
        (
            "invalid Basic",
            "/",
            &[("authorization", b"Basic !")],
            401,
            &[BASIC],
        ),
        (
            "token without the scope",
            "/scoped",
            &[("authorization", &token)],
            403,
            &[INSUFFICIENT],
        ),
        ("key without the scope", "/scoped", &key_headers, 403, &[]),
        (
            "Basic without the scope",
            "/scoped",
            &[("authorization", &pair)],
            403,
            &[],
        ),
        (
            "token where a primary is required",
            "/primary",
            &[("authorization", &token)],
            403,
            &[],
        ),
        (
            "token where a primary is extracted",
            "/extracted-primary",
            &[("authorization", &token)],
            403,
            &[],
        ),
        (
            "key where a primary is required",
            "/primary",
            &key_headers,
            200,
            &[],
        ),
        (
            "key as bearer where a primary is required",
            "/primary",
            &[("authorization", &key_as_bearer)],
            200,
            &[],
        ),
        (
            "Basic where a primary is extracted",
            "/extracted-primary",
            &[("authorization", &pair)],
            200,
            &[],
        ),
        ("denied route", "/denied", &key_headers, 403, &[]),
        (
            "no layer",
            "/unprotected",
            &[("authorization", &token)],
            500,
            &[],
        ),
    ];
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        for (name, path, headers, status, challenges) in rows {
            let response = running.send(get(path, headers)).await;
            let case = format!("{name} on {}", stack.name);
            assert_eq!(response.status.as_u16(), status, "{case}");
            assert_eq!(response.challenges(), challenges, "{case}");
            if status == 200 {
                assert!(
                    response.body.ends_with(&id) || name == "password accepted",
                    "{case}"
                );
            } else {
                assert_eq!(response.body, "", "{case}");
                assert_eq!(response.headers["cache-control"], "no-store", "{case}");
            }
        }
    }
}

#[tokio::test]
async fn stale_directory_gives_503_and_not_401_on_every_stack() {
    let fixture = Fixture::new().await;
    let token = bearer(&fixture.token);
    let pair = basic("test", "123£");
    fixture.directory.go_stale();
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        let presented: [(&str, &[u8]); 3] = [
            ("authorization", &token),
            ("x-api-key", text(&fixture.key.issued.key)),
            ("authorization", &pair),
        ];
        for header in presented {
            let response = running.send(get("/", &[header])).await;
            assert_eq!(
                response.status,
                StatusCode::SERVICE_UNAVAILABLE,
                "{}",
                stack.name
            );
            assert_eq!(response.headers["retry-after"], "1");
            assert!(response.challenges().is_empty());
        }
        // A malformed key is rejected without the directory, so it still gets 401.
        let forged = running.send(get("/", &[("x-api-key", b"cs_bad")])).await;
        assert_eq!(forged.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn token_of_a_revoked_key_is_rejected_on_every_stack() {
    let fixture = Fixture::new().await;
    let token = bearer(&fixture.token_of_revoked);
    for stack in stack::ALL {
        let running = stack.start(&fixture).await;
        let response = running.send(get("/", &[("authorization", &token)])).await;
        assert_eq!(response.status, StatusCode::UNAUTHORIZED);
        assert_eq!(response.challenges(), [INVALID_TOKEN]);
    }
}
