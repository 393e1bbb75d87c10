//! What is asked of a worker for one request, and what it says.

use super::residency::Lawful;
use super::service::ServiceId;
use crate::decision::Reason;

/// What is known of a request.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The service that it is for.
    pub service: ServiceId,
    /// Where it may go.
    pub lawful: Lawful,
    /// How often it has been sent on to another cluster before, as far as that is believed.
    pub hops: u32,
    /// The cluster that a trusted caller asks for.
    pub requested: Option<&'a [u8]>,
    /// What the caller's affinity hangs on: the header's value, or the cookie's.
    pub affinity: Option<&'a [u8]>,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The service.
    pub service: ServiceId,
    /// The cluster, by its place in the service's list.
    pub candidate: usize,
    /// The cluster that it would have gone to, were all of them well: of those that are lawful,
    /// the most preferred.
    pub preferred: usize,
    /// Why.
    pub reason: Reason,
}

/// Why a request goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
}

/// What becomes of a request.
pub type Route = Result<Choice, Refusal>;
