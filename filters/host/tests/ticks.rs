//! What a filter does in a tick, the host in memory does too: gRPC calls, and requests that waited.
#![cfg(feature = "mock")]
#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use landbridge_host::mock::MockHost;
use landbridge_host::{GrpcCall, GrpcStatus, Host, Reply};
use std::time::Duration;

const CALL: GrpcCall<'_> = GrpcCall {
    cluster: "ratelimit",
    authority: Some("ratelimit.shop"),
    service: "envoy.service.ratelimit.v3.RateLimitService",
    method: "ShouldRateLimit",
    metadata: &[("x-tenant", b"a")],
    message: b"hello",
    timeout: Duration::from_millis(20),
};

const REPLY: Reply<'_> = Reply {
    status: 429,
    grpc_status: Some(GrpcStatus::ResourceExhausted),
    body: "too many",
    headers: Vec::new(),
};

#[test]
fn grpc_calls_are_kept_and_answered_by_the_test() {
    let host = MockHost::default();
    let first = host.call_grpc(&CALL).unwrap();
    assert_ne!(host.call_grpc(&CALL), Ok(first));
    let calls = host.take_grpc_calls();
    assert_eq!((calls.len(), host.take_grpc_calls().len()), (2, 0));
    let sent = calls.first().unwrap();
    assert_eq!((sent.id, sent.cluster.as_str()), (first, "ratelimit"));
    assert_eq!(sent.authority.as_deref(), Some("ratelimit.shop"));
    assert_eq!(sent.method, "ShouldRateLimit");
    assert_eq!(sent.metadata, [("x-tenant".to_owned(), b"a".to_vec())]);
    assert_eq!(sent.message, b"hello");

    assert_eq!(host.answer_grpc(b"world"), Ok(5));
    assert_eq!(host.grpc_message(3).unwrap(), b"wor");
    assert_eq!(host.answer_grpc(b""), Ok(0));
    assert_eq!(host.grpc_message(3).unwrap(), b"");
}

#[test]
fn a_grpc_call_that_would_not_be_what_was_meant_is_an_error() {
    let host = MockHost::default();
    let long = "a".repeat(126);
    for call in [
        GrpcCall {
            metadata: &[(":authority", b"a")],
            ..CALL
        },
        GrpcCall {
            cluster: &long,
            ..CALL
        },
        GrpcCall {
            authority: Some(&long),
            ..CALL
        },
    ] {
        assert!(host.call_grpc(&call).is_err(), "{call:?}");
    }
    host.broken.borrow_mut().push("call grpc");
    assert!(host.call_grpc(&CALL).is_err());
    assert!(host.take_grpc_calls().is_empty());
}

#[test]
fn nobody_sets_the_monotonic_clock() {
    let host = MockHost::default();
    host.advance(Duration::from_secs(2));
    host.time.set(Duration::from_secs(1));
    assert_eq!(host.now(), Ok(Duration::from_secs(1)));
    assert_eq!(host.monotonic(), Duration::from_secs(2));
    assert_eq!(host.worker().monotonic(), Duration::from_secs(2));
    host.monotonic.set(Duration::from_secs(5));
    assert_eq!(host.monotonic(), Duration::from_secs(5));
}

#[test]
fn a_ticket_is_good_once() {
    let host = MockHost::with_request(&[(":path", "/first")]);
    let first = host.ticket().unwrap();
    host.start_request(&[(":path", "/second")]);
    let second = host.ticket().unwrap();
    assert_eq!(host.request_number(), second.request());
    assert_ne!(first.request(), second.request());
    assert!(first.is_held() && second.is_held());

    assert_eq!(host.resume(&first), Ok(true));
    assert_eq!(host.resume(&first), Ok(false));
    assert_eq!(host.reply_to(&first, &REPLY), Ok(false));
    assert_eq!(host.reply_to(&second, &REPLY), Ok(true));
    assert_eq!(host.resume(&second), Ok(false));
    assert_eq!(*host.resumed.borrow(), [first.request()]);
    let answers = host.late_answers.borrow();
    let (request, answer) = answers.first().unwrap();
    assert_eq!((*request, answers.len()), (second.request(), 1));
    assert_eq!(answer.status, 429);
    assert_eq!(answer.grpc_status, Some(GrpcStatus::ResourceExhausted));
}

#[test]
fn the_ticket_of_a_request_that_is_gone_leads_nowhere() {
    let host = MockHost::with_request(&[]);
    let ticket = host.ticket().unwrap();
    host.leave(ticket.request());
    assert!(!ticket.is_held());
    assert_eq!(host.resume(&ticket), Ok(false));
    assert_eq!(host.reply_to(&ticket, &REPLY), Ok(false));
    assert!(host.resumed.borrow().is_empty());
}

#[test]
fn a_status_is_known_by_its_code() {
    for code in 1..=16 {
        assert_eq!(
            GrpcStatus::from_code(code).map(GrpcStatus::code),
            Some(code)
        );
    }
    assert_eq!(GrpcStatus::from_code(0), None);
    assert_eq!(GrpcStatus::from_code(17), None);
    assert_eq!(
        GrpcStatus::from_code(8),
        Some(GrpcStatus::ResourceExhausted)
    );
}
