//! Which requests a failover sent elsewhere, told to whoever shapes traffic there: limits keep a
//! share for a cluster's own callers.
//!
//! Where a request was displaced is known to the proxy that chose, and the proxies after it choose
//! among what is left. So what one has said stays as long as the request is being sent on.

use landbridge_engine::Reason;
use landbridge_engine::failover::{Choice, Service};
use landbridge_filter::header;
use landbridge_host::{Headers, Host, HostError};

/// The cluster that a request was to go to, on requests that went to another.
const DISPLACED: &str = "x-landbridge-displaced";

/// Forgets what is said of a request that has not been sent on: that was another request, or
/// another choice. Only who is trusted has said anything.
pub(crate) fn forget(host: &dyn Host, headers: &mut Headers) -> Result<(), HostError> {
    if header(headers, DISPLACED).is_none() {
        return Ok(());
    }
    headers.retain(|(name, _)| name != DISPLACED);
    host.remove_request_header(DISPLACED)
}

/// The header that a request gets beside those that it came with, where it gets one.
pub(crate) fn told<'s>(
    service: &'s Service,
    choice: Choice,
    came: &Headers,
) -> Option<(&'static str, &'s [u8])> {
    let from = from(service, choice)?;
    // The first to displace it says from where.
    let is_said = header(came, DISPLACED).is_some();
    (!is_said).then_some((DISPLACED, from.as_bytes()))
}

fn from(service: &Service, choice: Choice) -> Option<&str> {
    if choice.candidate == choice.preferred {
        return None;
    }
    let preferred = service.candidates.get(choice.preferred)?;
    let displaced = match choice.reason {
        Reason::Spilled
        | Reason::FailedOver
        | Reason::Drained
        | Reason::BudgetSpent
        | Reason::Retried => true,
        // Clusters that nothing tells apart share their load with a spent budget as without.
        Reason::OverBudget => {
            let candidate = service.candidates.get(choice.candidate)?;
            candidate.level() > preferred.level()
        }
        _ => false,
    };
    displaced.then_some(&*preferred.name)
}
