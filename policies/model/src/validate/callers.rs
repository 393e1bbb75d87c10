//! Headers and cookies that callers send: what they are known by, and what they say.

use super::Findings;
use super::numbers::some_time;
use crate::Code;
use crate::http_name::HeaderName;
use crate::quantity::Period;
use deserr::ValuePointerRef;

/// Whether a header has a meaning of its own already.
fn is_taken(header: &HeaderName) -> bool {
    header.as_str().starts_with("x-landbridge-") || header.as_str() == "host"
}

/// Checks a header whose values are to tell callers apart.
pub(super) fn tells_apart(
    header: Option<&HeaderName>,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    if let Some(header) = header.filter(|header| is_taken(header)) {
        let message = format!("`{header}` does not tell callers apart");
        findings.add(at, Code::InvalidValue, message);
    }
}

/// Checks for how long a cookie is good.
pub(super) fn cookie_time(
    ttl: Option<Period>,
    has_cookie: bool,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    if ttl.is_some() && !has_cookie {
        let message = "only a cookie is good for a time";
        findings.add(at, Code::InvalidValue, message);
    }
    some_time(ttl, at, findings);
}

/// Checks a header that says something of a request.
pub(super) fn says(header: Option<&HeaderName>, at: ValuePointerRef<'_>, findings: &mut Findings) {
    if let Some(header) = header.filter(|header| is_taken(header)) {
        findings.add_hinted(
            at,
            Code::InvalidValue,
            format!("`{header}` means something else"),
            Some("take a name that does not begin with `x-landbridge-`".to_owned()),
        );
    }
}
