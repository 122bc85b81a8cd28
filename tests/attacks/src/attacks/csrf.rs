//! Requests as a browser sends them for a page of another site, with cached Basic credentials.

use serde_json::json;

use crate::Outcome;
use crate::message::Request;
use crate::report::Report;
use crate::server::{Binary, Fixture, text};

#[derive(clap::Args)]
pub(crate) struct Options {}

type Headers = &'static [(&'static str, &'static str)];

/// The headers that a browser adds, and whether they come from another site.
const ORIGINS: [(&str, Headers, bool); 7] = [
    ("no browser", &[], false),
    (
        "own page",
        &[
            ("sec-fetch-site", "same-origin"),
            ("origin", "http://localhost"),
        ],
        false,
    ),
    ("typed address", &[("sec-fetch-site", "none")], false),
    (
        "cross-site",
        &[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://other.example"),
        ],
        true,
    ),
    (
        "same-site",
        &[
            ("sec-fetch-site", "same-site"),
            ("origin", "https://other.localhost"),
        ],
        true,
    ),
    ("origin only", &[("origin", "https://other.example")], true),
    ("origin null", &[("origin", "null")], true),
];

pub(crate) async fn run(Options {}: &Options, binary: &Binary, report: &mut Report) -> Outcome<()> {
    let fixture = Fixture::start(binary).await?;
    report.title("Requests of a page of another site with cached Basic credentials");
    let other = fixture.home.create_key("other", "calls:read").await?.id;
    let basic = |request: Request| request.basic(&fixture.operator.id, &fixture.operator.secret);
    let client = fixture.client();

    let form = |path: &str, form: &str| Request::post(path).form(form);
    let create_token = || {
        // A form whose content type a page may send without asking, and whose text is JSON.
        let body = json!({ "token_scope": "account" }).to_string();
        Request::post("/api/v1/api_token").body("text/plain", &body)
    };
    let created = client.send(&basic(create_token())).await?;
    let token = created.json()?;
    let token = text(token.get("details").ok_or("no details")?, "id")?;
    let requests = [
        ("POST /api/v1/api_token", create_token()),
        (
            "POST /api/v1/api_token/ID/suspend",
            form(&format!("/api/v1/api_token/{token}/suspend"), ""),
        ),
        (
            "POST /api/v1/api_token/ID/activate",
            form(&format!("/api/v1/api_token/{token}/activate"), ""),
        ),
        (
            "DELETE /auth/sessions",
            Request::new("DELETE", "/auth/sessions?session_id=x"),
        ),
        ("POST /auth/token", Request::post("/auth/token")),
        ("POST /oauth/revoke", form("/oauth/revoke", "token=x")),
        (
            "POST /oauth/token",
            form("/oauth/token", "grant_type=client_credentials"),
        ),
        (
            "POST /admin/v1/keys",
            Request::post("/admin/v1/keys").json(&json!({ "name": "x", "scopes": ["calls:read"] })),
        ),
        (
            "POST /admin/v1/keys/ID/suspend",
            Request::post(&format!("/admin/v1/keys/{other}/suspend")),
        ),
    ];
    for (name, request) in requests {
        for (origin, headers, foreign) in ORIGINS {
            let request = basic(request.clone());
            let request = headers.iter().fold(request, |request, (name, value)| {
                request.header(name, value)
            });
            let status = client.send(&request).await?.status;
            let limit = format!(
                "{name} ({origin}) is {}403",
                if foreign { "" } else { "not " }
            );
            report.check(&limit, (status == 403) == foreign, status);
        }
    }
    Ok(())
}
