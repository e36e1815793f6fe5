//! Between the types of actix-web and those of `auth-core`.

use actix_web::dev::{RequestHead as ActixHead, ServiceRequest};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::uri::PathAndQuery;
use actix_web::http::{StatusCode, Uri};
use actix_web::{HttpMessage as _, HttpResponse};
use auth_core::http::{HeaderLines, QueryToken, Reply, RequestHead, StrippedQuery};

/// The header lines of a request.
pub(crate) struct Lines<'a>(pub(crate) &'a HeaderMap);

impl HeaderLines for Lines<'_> {
    fn each<'a>(&'a self, name: &str, line: &mut dyn FnMut(&'a [u8])) {
        self.0.get_all(name).for_each(|value| line(value.as_bytes()));
    }
}

/// What the core may see of a request.
pub(crate) fn head<'a>(
    head: &'a ActixHead,
    stripped: Option<&'a QueryToken>,
    headers: &'a Lines<'_>,
) -> RequestHead<'a> {
    RequestHead {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query(),
        authority: head.uri.authority().map(|authority| authority.as_str()),
        peer: head.peer_addr.map(|peer| peer.ip()),
        stripped,
        headers,
    }
}

/// Takes the access token out of the URI, and keeps it for guards further in.
pub(crate) fn strip(request: &mut ServiceRequest, stripped: StrippedQuery) {
    let uri = without_query_token(request.uri(), stripped.query.as_deref());
    request.match_info_mut().get_mut().update(&uri);
    request.head_mut().uri = uri;
    request.extensions_mut().insert(stripped.token);
}

fn without_query_token(uri: &Uri, query: Option<&str>) -> Uri {
    let path = uri.path();
    let path_and_query = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    // A part of a valid URI is valid; should it ever not be, the token must not stay.
    parts.path_and_query = Some(path_and_query.parse().unwrap_or(PathAndQuery::from_static("/")));
    Uri::from_parts(parts).unwrap_or_default()
}

/// The reply as a response.
pub(crate) fn response(reply: Reply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
    for (name, value) in reply.headers() {
        builder.append_header((name, value));
    }
    builder.body(reply.into_body())
}

/// Puts headers of the core in place of those that a response has.
pub(crate) fn replace_headers(headers: &mut HeaderMap, ours: &[(&'static str, &'static str)]) {
    for (name, value) in ours {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}
