//! What a split chose before this filter. The shaping filter stands before this one where requests
//! leave, and writes the backend into a header by which routes choose, as this one does with the
//! cluster: what it wrote is not the caller's.

use landbridge_filter::{header, is_own};
use landbridge_host::{Headers, Host, HostError};

/// The backend, written by the shaping filter.
const BACKEND: &str = "x-landbridge-backend";
/// What the shaping filter leaves in the filter state of each request that it has seen, after it removed
/// what the caller had no right to set. Only filters of this proxy can write it.
const SHAPED: &str = "landbridge_shaping";

/// Removes the request headers that are ours and that the caller may not set.
pub(crate) fn remove_others(host: &dyn Host, headers: &mut Headers) -> Result<(), HostError> {
    // Asked only where there is something to keep.
    let keeps = header(headers, BACKEND).is_some() && host.property(&[SHAPED])?.is_some();
    let is_callers = |name: &str| is_own(name) && !(keeps && name == BACKEND);
    for (name, _) in headers.iter().filter(|(name, _)| is_callers(name)) {
        host.remove_request_header(name)?;
    }
    headers.retain(|(name, _)| !is_callers(name));
    Ok(())
}

/// The backend that a split chose for a request, after [`remove_others`].
pub(crate) fn backend(headers: &Headers) -> Option<Box<str>> {
    let value = std::str::from_utf8(header(headers, BACKEND)?).ok()?;
    Some(value.into())
}
