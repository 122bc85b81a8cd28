//! The headers of the pages and of their interface, and what the pages are made of.

use std::fs;
use std::path::Path;

use crate::fixture::Fixture;
use crate::harness::Response;

const PAGES: [&str; 10] = [
    "",
    "/keys",
    "/users",
    "/managed-tokens",
    "/sessions",
    "/accounts",
    "/signing-keys",
    "/audit",
    "/nodes",
    "/sign-in",
];

/// The sources of the pages.
const FOLDER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../crates/countersign-server/dashboard"
);

#[track_caller]
fn assert_secure(response: &Response) {
    let policy = response
        .header("content-security-policy")
        .expect("a policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(response.header(name), Some(value), "{name}: {response:?}");
    }
    assert_eq!(
        response.header("access-control-allow-origin"),
        None,
        "{response:?}"
    );
}

#[test]
fn no_page_can_be_framed_or_run_scripts_of_others() {
    let fixture = Fixture::open();
    let script = "/dashboard/assets/script/page.js";
    for path in PAGES
        .iter()
        .map(|page| format!("/dashboard{page}"))
        .chain([script.to_owned()])
    {
        let response = fixture.server.get(&path, &[]);
        assert_eq!(response.status, 200, "{path}: {response:?}");
        assert_eq!(response.header("cache-control"), Some("no-cache"), "{path}");
        assert_secure(&response);
    }
    for path in ["/dashboard/api/session", "/dashboard/api/unknown"] {
        let response = fixture.server.get(path, &[]);
        assert_eq!(response.status, 401, "{response:?}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_secure(&response);
    }
}

#[test]
fn every_file_of_the_pages_is_served() {
    let fixture = Fixture::open();
    for folder in ["script", "style"] {
        for entry in fs::read_dir(Path::new(FOLDER).join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = format!("/dashboard/assets/{folder}/{name}");
            assert_eq!(fixture.server.get(&path, &[]).status, 200, "{path}");
        }
    }
}

#[test]
fn pages_have_no_inline_script_or_style_and_nothing_of_another_host() {
    let folder = Path::new(FOLDER);
    let mut files = Vec::new();
    for part in ["", "script", "style"] {
        for entry in fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                files.push(path);
            }
        }
    }
    assert!(files.len() > 20, "{files:?}");
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "<style",
            " style=",
            "onclick=",
            "javascript:",
            "localStorage",
            " url(",
            "@import",
        ] {
            assert!(!text.contains(forbidden), "{}: {forbidden}", path.display());
        }
        let namespaces = text.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !namespaces.contains("://"),
            "{}: an address",
            path.display()
        );
    }
}
