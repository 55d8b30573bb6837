//! The API's document, and a page that shows it. Everything the page needs is in this binary.

use axum::response::{IntoResponse, Response};
use http::header;
use writ_service_kit::routes::{Access, Routes};

use super::State;

/// As `make gen` writes it, of all services.
const DOCUMENT: &str = include_str!("../../../../schemas/openapi.json");
const PAGE: &str = include_str!("../../assets/docs.html");
/// RapiDoc, which is MIT licensed; its notice is beside it.
const SCRIPT: &str = include_str!("../../assets/rapidoc-9.3.8.min.js");

/// Nothing from elsewhere; RapiDoc writes its styles into the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get_bare("/openapi.json", Access::Public, document)
        .says("Get the document of the API", "This one: OpenAPI 3.1.")
        .sends("application/json")
        .get_bare("/docs", Access::Public, page)
        .says("Read the documentation", "A page for people.")
        .sends("text/html")
        .get_bare("/docs/rapidoc.js", Access::Public, script)
        .says("Get the script of the documentation", "")
        .sends("text/javascript")
}

async fn document() -> Response {
    sent("application/json", "no-cache", DOCUMENT)
}

async fn page() -> Response {
    let policy = [(header::CONTENT_SECURITY_POLICY, POLICY)];
    (policy, sent("text/html; charset=utf-8", "no-cache", PAGE)).into_response()
}

async fn script() -> Response {
    let kind = "text/javascript; charset=utf-8";
    sent(kind, "public, max-age=86400", SCRIPT)
}

fn sent(kind: &'static str, kept: &'static str, body: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, kept)];
    (headers, body).into_response()
}
