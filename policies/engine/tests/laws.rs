//! The laws of deciding, over random policies and requests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails loudly"
)]

use landbridge_engine::oracle::{self, config, request};
use landbridge_engine::policy_test::{Nowhere, TestRequest};
use landbridge_engine::{Decision, Facts, PolicySet, Verdict, load};
use landbridge_model::Limits;
use proptest::collection::vec;
use proptest::prelude::*;

fn set(policies: &[(&'static str, String)], options: &str) -> PolicySet {
    let json = config(policies, options);
    match load(json.as_bytes(), &Limits::default(), &Nowhere) {
        Ok(loaded) => loaded.set,
        Err(found) => panic!("{json}\n{found:#?}"),
    }
}

fn both(request: &TestRequest, set: &PolicySet) -> (Decision, Decision) {
    let facts = Facts::new(request.raw(), set).expect("a request that is well-formed");
    (set.decide(&facts), set.decide_by_walking(&facts))
}

/// What a request is without one of the things that say who and what it is.
fn without(request: &TestRequest) -> Vec<TestRequest> {
    let mut less = Vec::new();
    if request.certificate_uri.is_some() {
        less.push(TestRequest {
            certificate_uri: None,
            ..request.clone()
        });
    }
    for forget in [
        |r: &mut TestRequest| r.source_ip = None,
        |r: &mut TestRequest| r.remote_address = None,
        |r: &mut TestRequest| r.sni = None,
        |r: &mut TestRequest| r.metadata = None,
        |r: &mut TestRequest| r.now = None,
    ] {
        let mut fewer = request.clone();
        forget(&mut fewer);
        less.push(fewer);
    }
    for name in [":authority", ":path"] {
        let mut fewer = request.clone();
        fewer.headers.retain(|(n, _)| n != name);
        less.push(fewer);
    }
    less
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_index_agrees_with_walking_every_rule(
        policies in oracle::policies(40),
        requests in vec(request(), 50),
    ) {
        let set = set(&policies, "{}");
        for request in &requests {
            let (by_index, by_walking) = both(request, &set);
            prop_assert_eq!(by_index, by_walking, "{:?}", request);
        }
    }

    #[test]
    fn adding_a_deny_never_admits_more(
        policies in oracle::policies(10),
        deny in oracle::policies(3),
        requests in vec(request(), 20),
    ) {
        let deny = deny.into_iter().map(|(_, rules)| ("DENY", rules));
        let more: Vec<_> = policies.iter().cloned().chain(deny).collect();
        for options in ["{}", r#"{"defaultAction":"Allow"}"#] {
            let (before, after) = (set(&policies, options), set(&more, options));
            for request in &requests {
                if request.decide(&after).verdict == Verdict::Allow {
                    prop_assert_eq!(request.decide(&before).verdict, Verdict::Allow);
                }
            }
        }
    }

    #[test]
    fn knowing_less_never_admits_more(policies in oracle::policies(10), requests in vec(request(), 20)) {
        for options in ["{}", r#"{"defaultAction":"Allow"}"#] {
            let set = set(&policies, options);
            for request in &requests {
                for less in without(request) {
                    if less.decide(&set).verdict == Verdict::Allow {
                        prop_assert_eq!(request.decide(&set).verdict, Verdict::Allow, "{:?}", less);
                    }
                }
            }
        }
    }
}
