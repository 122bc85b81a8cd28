//! The pages: one frame, into which the script of each page puts what it shows.

use axum::Router;
use countersign_wire::Document;

use super::PATH;

const FRAME: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/dashboard/page.html"));
const SIGN_IN: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/dashboard/sign-in.html"
));
const HTML: &str = "text/html; charset=utf-8";

/// A page in the navigation.
struct Page {
    /// The path below `/dashboard`.
    path: &'static str,
    /// The path of one object of the page, if it has a page of its own.
    detail: Option<&'static str>,
    title: &'static str,
    /// The file in `script/`.
    script: &'static str,
}

const fn page(path: &'static str, title: &'static str, script: &'static str) -> Page {
    Page {
        path,
        detail: None,
        title,
        script,
    }
}

const fn with_detail(path: &'static str, detail: &'static str, title: &'static str) -> Page {
    Page {
        path,
        detail: Some(detail),
        title,
        script: "credentials",
    }
}

/// The pages in the order of the navigation, in groups: the state of the server, access, and how the server works.
static GROUPS: [&[Page]; 3] = [
    &[page("", "Overview", "overview")],
    &[
        with_detail("/keys", "/keys/{id}", "API keys"),
        with_detail("/users", "/users/{id}", "Users"),
        with_detail("/managed-tokens", "/managed-tokens/{id}", "Managed tokens"),
        page("/sessions", "Sessions", "sessions"),
        page("/accounts", "Accounts", "accounts"),
    ],
    &[
        page("/signing-keys", "Signing keys", "signing-keys"),
        page("/audit", "Audit log", "audit"),
        page("/nodes", "Nodes", "nodes"),
    ],
];

fn pages() -> impl Iterator<Item = &'static Page> {
    GROUPS.iter().copied().flatten()
}

/// Returns the routes of all pages.
pub(super) fn routes() -> Router {
    let document = |html: String| Document::new(HTML, html);
    let mut router =
        Router::new().route_service(&format!("{PATH}/sign-in"), document(SIGN_IN.to_owned()));
    for page in pages() {
        let document = document(render(page));
        for path in [Some(page.path), page.detail].into_iter().flatten() {
            router = router.route_service(&format!("{PATH}{path}"), document.clone());
        }
        if page.path.is_empty() {
            router = router.route_service(&format!("{PATH}/"), document);
        }
    }
    router
}

/// Returns a page. What is inserted are constants of this file.
fn render(page: &Page) -> String {
    let item = |one: &Page| {
        let current = if one.path == page.path {
            r#" aria-current="page""#
        } else {
            ""
        };
        format!(
            r#"<li><a href="{PATH}{}"{current}>{}</a></li>"#,
            one.path, one.title
        )
    };
    let group = |pages: &&[Page]| {
        let items: String = pages.iter().map(item).collect();
        format!("<ul>{items}</ul>")
    };
    let navigation: String = GROUPS.iter().map(group).collect();
    FRAME
        .replace("{title}", page.title)
        .replace("{script}", page.script)
        .replace("{navigation}", &navigation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_names_itself_in_its_navigation_and_nothing_is_left_to_insert() {
        for page in pages() {
            let html = render(page);
            assert_eq!(
                html.matches(r#"aria-current="page""#).count(),
                1,
                "{}",
                page.title
            );
            assert!(html.contains(&format!("<title>{}", page.title)), "{html}");
            assert!(!html.contains('{'), "{html}");
        }
    }
}
