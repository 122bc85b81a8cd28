//! The files of the pages: styles, scripts and icons, which are part of the program.

use axum::Router;
use countersign_wire::Document;

use super::PATH;

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Returns a file in `dashboard/`, with its path there.
macro_rules! asset {
    ($media_type:expr, $path:literal) => {
        (
            $path,
            $media_type,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/dashboard/", $path)),
        )
    };
}

const FILES: &[(&str, &str, &str)] = &[
    asset!(CSS, "style/base.css"),
    asset!(CSS, "style/layout.css"),
    asset!(CSS, "style/components.css"),
    asset!(CSS, "style/overview.css"),
    asset!(SVG, "icon.svg"),
    asset!(SCRIPT, "script/accounts.js"),
    asset!(SCRIPT, "script/actions.js"),
    asset!(SCRIPT, "script/api.js"),
    asset!(SCRIPT, "script/audit.js"),
    asset!(SCRIPT, "script/chart.js"),
    asset!(SCRIPT, "script/create.js"),
    asset!(SCRIPT, "script/credential.js"),
    asset!(SCRIPT, "script/credentials.js"),
    asset!(SCRIPT, "script/dialog.js"),
    asset!(SCRIPT, "script/dom.js"),
    asset!(SCRIPT, "script/format.js"),
    asset!(SCRIPT, "script/list.js"),
    asset!(SCRIPT, "script/nodes.js"),
    asset!(SCRIPT, "script/overview.js"),
    asset!(SCRIPT, "script/page.js"),
    asset!(SCRIPT, "script/receipt.js"),
    asset!(SCRIPT, "script/secret.js"),
    asset!(SCRIPT, "script/sessions.js"),
    asset!(SCRIPT, "script/sign-in.js"),
    asset!(SCRIPT, "script/signing-keys.js"),
    asset!(SCRIPT, "script/wellness.js"),
];

pub(super) fn routes() -> Router {
    FILES
        .iter()
        .fold(Router::new(), |router, (path, media_type, text)| {
            let path = format!("{PATH}/assets/{path}");
            router.route_service(&path, Document::new(media_type, (*text).to_owned()))
        })
}
