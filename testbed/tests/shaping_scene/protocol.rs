//! The rate-limit service, asked as Landbridge's filter will ask it: several hits at once, and a limit
//! that the descriptor brings along.

use envoy_types::pb::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use envoy_types::pb::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::{
    Entry, RateLimitOverride,
};
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::{
    Code, DescriptorStatus, RateLimit,
};
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_client::RateLimitServiceClient;
use envoy_types::pb::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use envoy_types::pb::google::protobuf::UInt64Value;
use landbridge_testbed::ratelimit::{Limit, RateLimitService};
use tonic::{Code as Grpc, Status};

use crate::setup::MINUTE;

const PER_MINUTE: i32 = 2;

fn descriptor(source: &str, hits: u64, limit: Option<u32>) -> RateLimitDescriptor {
    let entries = [("policy", "default/name"), ("source.cluster", source)];
    let entry = |(key, value): (&str, &str)| Entry {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    RateLimitDescriptor {
        entries: entries.map(entry).to_vec(),
        limit: limit.map(|requests_per_unit| RateLimitOverride {
            requests_per_unit,
            unit: PER_MINUTE,
        }),
        hits_addend: Some(UInt64Value { value: hits }),
        is_negative_hits: false,
    }
}

async fn ask(
    service: &RateLimitService,
    descriptors: impl IntoIterator<Item = RateLimitDescriptor>,
) -> Result<RateLimitResponse, Status> {
    let at = format!("http://{}", service.address());
    let mut client = RateLimitServiceClient::connect(at).await.unwrap();
    let request = RateLimitRequest {
        domain: "landbridge".to_owned(),
        descriptors: descriptors.into_iter().collect(),
        hits_addend: 1,
    };
    client
        .should_rate_limit(request)
        .await
        .map(tonic::Response::into_inner)
}

fn said(status: &DescriptorStatus) -> (Code, u32) {
    (status.code(), status.limit_remaining)
}

#[tokio::test]
async fn a_limit_may_come_with_the_descriptor() {
    let service = RateLimitService::start([]).await.unwrap();
    let lease = async |hits, limit| {
        let answer = ask(&service, [descriptor("euw1-a", hits, Some(limit))]).await;
        answer.unwrap().statuses.remove(0)
    };
    let first = lease(6, 10).await;
    assert_eq!(said(&first), (Code::Ok, 4));
    let limit = RateLimit {
        requests_per_unit: 10,
        unit: PER_MINUTE,
        ..RateLimit::default()
    };
    assert_eq!(first.current_limit, Some(limit));
    let reset = first.duration_until_reset.unwrap().seconds;
    assert!((58..=60).contains(&reset), "{reset}");
    // What is too much takes nothing, and says what there is.
    assert_eq!(said(&lease(5, 10).await), (Code::OverLimit, 4));
    assert_eq!(said(&lease(4, 10).await), (Code::Ok, 0));
    assert_eq!(said(&lease(0, 10).await), (Code::Ok, 0));
    // A policy that is changed goes on from what was taken.
    assert_eq!(said(&lease(1, 12).await), (Code::Ok, 1));

    // Each descriptor is judged alone, and has its own counter.
    let two = [
        descriptor("euw1-a", 2, Some(12)),
        descriptor("use1-a", 3, Some(12)),
    ];
    let answer = ask(&service, two).await.unwrap();
    assert_eq!(answer.overall_code(), Code::OverLimit);
    let said: Vec<_> = answer.statuses.iter().map(said).collect();
    assert_eq!(said, [(Code::OverLimit, 1), (Code::Ok, 9)]);
    assert_eq!(
        (service.requests(), service.hits(), service.granted()),
        (6, 21, 14)
    );
    assert_eq!(service.asked()[0].descriptors[0].limit, Some((10, MINUTE)));
}

#[tokio::test]
async fn the_services_own_limit_comes_first() {
    let own = Limit::new("landbridge", 2, MINUTE).per("source.cluster");
    let service = RateLimitService::start([own]).await.unwrap();
    let answer = ask(&service, [descriptor("euw1-a", 3, Some(100))]).await;
    assert_eq!(said(&answer.unwrap().statuses[0]), (Code::OverLimit, 2));
}

#[tokio::test]
async fn what_has_no_limit_is_granted_and_what_makes_no_sense_is_refused() {
    let service = RateLimitService::start([]).await.unwrap();
    let unlimited = descriptor("euw1-a", 1000, None);
    let answer = ask(&service, [unlimited.clone()]).await.unwrap();
    assert_eq!(said(&answer.statuses[0]), (Code::Ok, 0));
    assert_eq!(answer.statuses[0].current_limit, None);

    let code = async |descriptors: Vec<RateLimitDescriptor>| {
        ask(&service, descriptors).await.unwrap_err().code()
    };
    assert_eq!(code(vec![]).await, Grpc::InvalidArgument);
    let mut odd = unlimited.clone();
    odd.entries.clear();
    assert_eq!(code(vec![odd]).await, Grpc::InvalidArgument);
    let mut odd = descriptor("euw1-a", 1, Some(1));
    odd.limit.as_mut().unwrap().unit = 0;
    assert_eq!(code(vec![odd]).await, Grpc::InvalidArgument);
    let mut odd = unlimited.clone();
    odd.is_negative_hits = true;
    assert_eq!(code(vec![odd]).await, Grpc::Unimplemented);
    service.fail();
    assert_eq!(code(vec![unlimited]).await, Grpc::Unavailable);
}
