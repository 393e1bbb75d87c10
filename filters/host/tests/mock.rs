//! The host in memory does what a real proxy does, where filters depend on it.
#![cfg(feature = "mock")]
#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use landbridge_host::mock::MockHost;
use landbridge_host::{Call, CallAnswer, Host};
use std::time::Duration;

#[test]
fn workers_share_by_comparing_states() {
    let one = MockHost::default();
    let other = one.worker();
    assert_eq!(one.shared("key"), Ok(None));
    assert_eq!(one.set_shared("key", b"1", Some(0)), Ok(true));
    assert_eq!(other.set_shared("key", b"2", Some(0)), Ok(false));
    let (value, state) = other.shared("key").unwrap().unwrap();
    assert_eq!(value, b"1");
    assert_eq!(other.set_shared("key", b"2", Some(state)), Ok(true));
    assert_eq!(one.set_shared("key", b"3", Some(state)), Ok(false));
    assert_eq!(one.set_shared("key", b"", None), Ok(true));
    assert_eq!(other.shared("key").unwrap().unwrap().0, b"");
    assert_eq!(other.set_shared("absent", b"1", Some(7)), Ok(true));
    assert_eq!(other.shared.borrow().keys().count(), 2);
}

#[test]
fn calls_are_kept_and_answered_by_the_test() {
    let host = MockHost::default();
    let call = Call {
        cluster: "euw1-a",
        headers: &[(":path", b"/")],
        body: Some(b"hello"),
        timeout: Duration::from_secs(1),
    };
    let first = host.call(&call).unwrap();
    let second = host.call(&call).unwrap();
    assert_ne!(first, second);
    let calls = host.take_calls();
    assert_eq!((calls.len(), host.take_calls().len()), (2, 0));
    let sent = calls.first().unwrap();
    assert_eq!((sent.id, sent.cluster.as_str()), (first, "euw1-a"));
    assert_eq!(sent.header(":path").as_deref(), Some("/"));

    let answer = host.answer_call(&[(":status", "200")], b"world");
    assert!(answer.is_there());
    assert_eq!((answer.headers, answer.body), (1, 5));
    assert_eq!(host.call_headers().unwrap().len(), 1);
    assert_eq!(host.call_body(3).unwrap(), b"wor");
    assert_eq!(host.fail_call(), CallAnswer::default());
    assert!(host.call_headers().unwrap().is_empty());

    let latin = Call {
        headers: &[("x-name", b"\xe9")],
        ..call
    };
    assert!(host.call(&latin).is_err());
}

#[test]
fn a_request_is_answered_once_and_without_pseudo_headers() {
    let host = MockHost::with_request(&[]);
    let headers: &[(&str, &[u8])] = &[(":status", b"200"), ("x-a", b"1"), ("x-b", b"\xff")];
    assert!(host.answer(200, headers, b"\xff\0").is_ok());
    assert!(host.answer(200, headers, b"").is_err());
    let answers = host.answers.borrow();
    let answer = answers.first().unwrap();
    assert_eq!(answer.headers, [("x-a".to_owned(), b"1".to_vec())]);
    assert_eq!(answer.body, b"\xff\0");
}

#[test]
fn a_request_that_went_on_is_away() {
    let host = MockHost::with_request(&[(":path", "/")]);
    host.set_request_header("x-a", b"1").unwrap();
    host.start_response(&[(":status", "200")]);
    assert_eq!(host.request_headers(), Ok(Vec::new()));
    assert!(host.set_request_header("x-a", b"2").is_err());
    assert!(host.remove_request_header("x-a").is_err());
    assert_eq!(host.request_header("x-a").as_deref(), Some("1"));
    host.start_request(&[(":path", "/")]);
    assert_eq!(host.request_headers().unwrap().len(), 1);
}

#[test]
fn what_is_not_there_is_absent() {
    let host = MockHost::with_request(&[]);
    assert_eq!(host.response_status(), Ok(None));
    for (status, read) in [("503", Some(503)), ("x", None), ("70000", None)] {
        host.start_response(&[(":status", status), ("x-a", "1"), ("x-a", "2")]);
        assert_eq!(host.response_status(), Ok(read));
    }
    assert_eq!(host.response_header("x-a"), Ok(Some(b"1".to_vec())));
    host.add_response_header("x-a", b"3").unwrap();
    assert_eq!(host.response.borrow().len(), 4);

    assert_eq!(host.number(&["response", "flags"]), Ok(None));
    host.set_number("response.flags", 64);
    assert_eq!(host.number(&["response", "flags"]), Ok(Some(64)));
    for not in [&(-1_i64).to_le_bytes()[..], b"64"] {
        host.set_property("response.flags", not);
        assert_eq!(host.number(&["response", "flags"]), Ok(None));
    }

    host.body.replace(b"hello".to_vec());
    assert_eq!(host.request_body(1, 3), Ok(b"ell".to_vec()));
    assert_eq!(host.request_body(6, 3), Ok(Vec::new()));
}
