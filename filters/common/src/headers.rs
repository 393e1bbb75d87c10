//! What filters ask of request headers.

use landbridge_host::{Headers, Host, HostError};

/// The prefix of request headers that only Landbridge and those it trusts set.
const OWN_HEADERS: &str = "x-landbridge-";

/// Removes the request headers that are ours, which the caller may not set.
pub fn remove_own(host: &dyn Host, headers: &Headers) -> Result<(), HostError> {
    let mut own = headers.iter().filter(|(name, _)| is_own(name));
    own.try_for_each(|(name, _)| host.remove_request_header(name))
}

/// Whether a header is one of ours, also to a server that takes `_` for `-`, as CGI has it.
pub fn is_own(name: &str) -> bool {
    let mut own = OWN_HEADERS.bytes();
    let mut name = name.bytes().map(|b| if b == b'_' { b'-' } else { b });
    own.all(|b| name.next() == Some(b))
}

/// The first value of a header.
pub fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a [u8]> {
    headers
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, value)| value.as_slice())
}

/// gRPC's own test of a request (gRPC over HTTP/2, "Requests"): the content type is
/// `application/grpc`, alone or with a `+` or `;` behind it.
pub fn is_grpc(headers: &Headers) -> bool {
    headers
        .iter()
        .find(|(name, _)| name == "content-type")
        .and_then(|(_, value)| value.strip_prefix(b"application/grpc"))
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}
