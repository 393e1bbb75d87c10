//! Where requests are answered: from the protocol to counters, and back.

use std::sync::Mutex;
use std::time::Duration;

use envoy_types::pb::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::{
    Code, DescriptorStatus, RateLimit,
};
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::RateLimitService;
use envoy_types::pb::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use envoy_types::pb::google::protobuf;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::limit::{self, Bound, Limit};
use super::store::{Store, Taken};
use super::{Asked, Descriptor, Fault};
use crate::kept::Kept;

pub(super) struct Desk {
    limits: Vec<Limit>,
    store: Store,
    pub(super) fault: Mutex<Fault>,
    pub(super) asked: Kept<Asked>,
    count: Mutex<Count>,
}

/// What there was, in sum.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) requests: u64,
    pub(super) hits: u64,
    pub(super) granted: u64,
}

impl Desk {
    pub(super) fn new(limits: Vec<Limit>, store: Store) -> Self {
        Self {
            limits,
            store,
            fault: Mutex::default(),
            asked: Kept::default(),
            count: Mutex::default(),
        }
    }

    pub(super) fn count(&self) -> Count {
        *self.count.lock().expect("nobody panics with it")
    }

    fn note(&self, what: impl FnOnce(&mut Count)) {
        what(&mut self.count.lock().expect("nobody panics with it"));
    }

    /// The service's own limits come first; a limit that the descriptor brings along is for where it
    /// has none.
    fn bounds(&self, domain: &str, descriptor: &Descriptor) -> Vec<Bound> {
        let entries = &descriptor.entries;
        let own = self.limits.iter();
        let own: Vec<_> = own.filter_map(|it| it.bound(domain, entries)).collect();
        if !own.is_empty() {
            return own;
        }
        let brought = descriptor.limit.iter();
        brought
            .map(|(max, long)| Bound::new(domain, entries, (*max).into(), long.as_secs()))
            .collect()
    }

    async fn judge(
        &self,
        domain: &str,
        descriptor: &mut Descriptor,
    ) -> Result<DescriptorStatus, Status> {
        let bounds = self.bounds(domain, descriptor);
        let taken = self.store.take(&bounds, descriptor.hits).await;
        let Taken { granted, left } = taken.map_err(Status::unavailable)?;
        descriptor.granted = Some(granted);
        let code = if granted { Code::Ok } else { Code::OverLimit };
        let mut status = DescriptorStatus {
            code: code.into(),
            ..DescriptorStatus::default()
        };
        let least = bounds.iter().zip(left).min_by_key(|(_, it)| it.remaining);
        if let Some((bound, left)) = least {
            status.current_limit = Some(RateLimit {
                name: String::new(),
                requests_per_unit: clipped(bound.max),
                unit: limit::unit(bound.seconds).into(),
            });
            status.limit_remaining = clipped(left.remaining);
            status.duration_until_reset = Some(told(left.reset));
        }
        Ok(status)
    }

    async fn answer(&self, asked: &mut Asked) -> Result<RateLimitResponse, Status> {
        let mut statuses = Vec::new();
        for descriptor in &mut asked.descriptors {
            statuses.push(self.judge(&asked.domain, descriptor).await?);
        }
        let over = i32::from(Code::OverLimit);
        let over = statuses.iter().any(|status| status.code == over);
        let overall = if over { Code::OverLimit } else { Code::Ok };
        Ok(RateLimitResponse {
            overall_code: overall.into(),
            statuses,
            ..RateLimitResponse::default()
        })
    }
}

#[tonic::async_trait]
impl RateLimitService for Desk {
    async fn should_rate_limit(
        &self,
        request: Request<RateLimitRequest>,
    ) -> Result<Response<RateLimitResponse>, Status> {
        let mut asked = read(request.into_inner())?;
        let hits: u64 = asked.descriptors.iter().map(|it| it.hits).sum();
        self.note(|count| {
            count.requests += 1;
            count.hits += hits;
        });
        let fault = *self.fault.lock().expect("nobody panics with it");
        let answer = match fault {
            Fault::None | Fault::Slow(_) => self.answer(&mut asked).await,
            Fault::Fails | Fault::Hangs => Err(Status::unavailable("told to fail")),
        };
        let granted = asked.descriptors.iter();
        let granted = granted.filter(|it| it.granted == Some(true));
        let granted: u64 = granted.map(|it| it.hits).sum();
        self.note(|count| count.granted += granted);
        self.asked.push(asked);
        match fault {
            Fault::Hangs => std::future::pending().await,
            Fault::Slow(delay) => tokio::time::sleep(delay).await,
            Fault::None | Fault::Fails => {}
        }
        answer.map(Response::new)
    }
}

fn told(duration: Duration) -> protobuf::Duration {
    protobuf::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or_default(),
    }
}

fn clipped(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Refuses what no service can answer.
fn read(request: RateLimitRequest) -> Result<Asked, Status> {
    if request.domain.is_empty() {
        return Err(Status::invalid_argument("the domain is empty"));
    }
    if request.descriptors.is_empty() {
        return Err(Status::invalid_argument("there are no descriptors"));
    }
    let descriptor = |descriptor| read_descriptor(descriptor, request.hits_addend);
    let descriptors = request.descriptors.into_iter().map(descriptor);
    Ok(Asked {
        at: Instant::now(),
        domain: request.domain,
        descriptors: descriptors.collect::<Result<_, _>>()?,
    })
}

fn read_descriptor(descriptor: RateLimitDescriptor, addend: u32) -> Result<Descriptor, Status> {
    if descriptor.entries.is_empty() {
        return Err(Status::invalid_argument("a descriptor has no entries"));
    }
    if descriptor.is_negative_hits {
        return Err(Status::unimplemented("hits cannot be given back"));
    }
    let limit = descriptor.limit.map(|brought| {
        let seconds = limit::seconds(brought.unit);
        let seconds = seconds.ok_or_else(|| Status::invalid_argument("a limit has no unit"))?;
        Ok::<_, Status>((brought.requests_per_unit, Duration::from_secs(seconds)))
    });
    // What the protocol says: a request that says nothing asks for one.
    let of_request = u64::from(addend.max(1));
    let entries = descriptor.entries.into_iter();
    Ok(Descriptor {
        entries: entries.map(|entry| (entry.key, entry.value)).collect(),
        limit: limit.transpose()?,
        hits: descriptor.hits_addend.map_or(of_request, |own| own.value),
        granted: None,
    })
}
