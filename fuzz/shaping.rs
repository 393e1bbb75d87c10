//! A configuration of the shaping filter, and what then happens to its workers: the bytes behind the
//! first NUL, one event each.

use landbridge_engine::shaping::{
    Asked, Begun, CallRef, Carried, End, Ended, Now, Run, Worker, load_shaping,
};
use landbridge_engine::{Facts, Memory, RawRequest};
use std::rc::Rc;

use super::{Here, LIMITS};

/// What callers may say, in headers that shaping reads.
const VALUES: [&str; 8] = [
    "",
    "1",
    "2",
    "-1",
    "99999999S",
    "SHEDDABLE",
    "1800000000001",
    "18446744073709551616",
];
const NAMES: [&str; 8] = [
    "x-user",
    "x-cost",
    "grpc-timeout",
    "x-criticality",
    "x-request-deadline",
    "x-envoy-attempt-count",
    "x-envoy-expected-rq-timeout-ms",
    "cookie",
];

/// It is refused with reasons, or it shapes: whatever is refused has a status, and what is
/// answered by a rate-limit service may be anything.
pub fn shaping(bytes: &[u8]) {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let (config, events) = bytes.split_at(end);
    let loaded = match load_shaping(config, &LIMITS, &Here) {
        Ok(loaded) => loaded,
        Err(found) => {
            assert!(!found.is_empty(), "refused without a reason");
            assert!(found.iter().all(|d| d.is_error()), "{found:#?}");
            return;
        }
    };
    let set = Rc::new(loaded.set);
    let store = Memory::default();
    let mut carried = [0, 1].map(Carried::new);
    let mut workers: Vec<Worker> = Vec::new();
    for (id, carried) in (0..).zip(&mut carried) {
        workers.push(Worker::new(Rc::clone(&set), id, carried, &store));
    }
    let mut now = Now {
        steady: 3_600_000_000_000,
        wall: 1_800_000_000_000,
    };
    let mut runs: Vec<(usize, Run)> = Vec::new();
    let mut calls: Vec<(usize, CallRef)> = Vec::new();
    for (place, event) in events.iter().enumerate().skip(1) {
        let low = usize::from(event & 0x0f);
        let at = low % 2;
        match event >> 4 {
            0..=7 => {
                let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
                for (name, value) in [(":method", "GET"), (":path", "/a/b"), (":authority", "a")] {
                    headers.push((name.to_owned(), value.into()));
                }
                let name = NAMES[usize::from(event >> 4)];
                headers.push((name.to_owned(), VALUES[low % 8].into()));
                let uri = format!("spiffe://t{}.example/ns/a/sa/a", low % 3);
                let raw = RawRequest {
                    headers: &headers,
                    certificate_uri: (low != 0).then_some(uri.as_bytes()),
                    ..RawRequest::default()
                };
                let facts = Facts::new(raw, &set.base).ok();
                let asked = Asked {
                    facts: facts.as_ref(),
                    headers: &headers,
                    trusted: event & 1 == 1,
                    displaced: event & 2 == 2,
                    is_grpc: event & 4 == 4,
                };
                match workers[at].begin(&asked, now, &store) {
                    Begun::Passed(pass) => {
                        pass.run.told.to_json(&set);
                        runs.push((at, pass.run));
                    }
                    Begun::Refused(refusal) => {
                        assert!((400..=599).contains(&refusal.status), "{refusal:?}");
                        assert!((1..=16).contains(&refusal.grpc_status), "{refusal:?}");
                        refusal.told.to_json(&set);
                    }
                }
            }
            8 | 9 => {
                if let Some((at, run)) = runs.pop() {
                    let ended = [Ended::Answered, Ended::Failed, Ended::Left][low % 3];
                    let end = End {
                        ended,
                        nanos: Some(1 << (low * 3)),
                        attempts: u32::from(*event),
                    };
                    workers[at].done(run, end, now, &store);
                }
            }
            10 => {
                if let Some((at, call)) = calls.pop() {
                    let answer = events.get(place..).filter(|_| event & 1 == 1);
                    workers[at].answered(call, answer, now.steady, &store);
                }
            }
            11 => now.wall = now.wall.saturating_sub(1 << (low * 2)),
            12 => now.steady = now.steady.saturating_sub(1 << (low * 2)),
            _ => {
                now.steady = now.steady.saturating_add(1 << (low * 2 + 4));
                now.wall = now.wall.saturating_add(1 << low);
                let asked = workers[at].tick(now, &store);
                for call in asked {
                    assert!(set.services().get(call.service).is_some());
                    calls.push((at, call.call));
                }
            }
        }
    }
}
