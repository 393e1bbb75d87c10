//! The laws of deciding, over random policies and requests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails loudly"
)]

use landbridge_engine::oracle::{self, config, request};
use landbridge_engine::policy_test::{Nowhere, TestRequest};
use landbridge_engine::{Decision, Facts, PolicySet, Verdict, load, load_after};
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
    fn what_is_kept_of_a_configuration_changes_nothing(
        before in oracle::policies(10),
        others in oracle::policies(10),
        choice in vec(0..3, 10),
        requests in vec(request(), 20),
    ) {
        let mut after = before.clone();
        for (i, choice) in choice.into_iter().enumerate() {
            match (choice, others.get(i)) {
                (0, Some(other)) if i < after.len() => after[i] = other.clone(),
                (1, _) if i < after.len() => after.truncate(i + 1),
                (2, Some(other)) => after.push(other.clone()),
                _ => {}
            }
        }
        let (before, after) = (config(&before, "{}"), config(&after, "{}"));
        let limits = Limits::default();
        let before = load(before.as_bytes(), &limits, &Nowhere).expect("a good configuration");
        let kept = load_after(after.as_bytes(), &limits, &Nowhere, &before.kept).expect("so is this");
        let anew = load(after.as_bytes(), &limits, &Nowhere).expect("and this");
        prop_assert_eq!(kept.digest, anew.digest);
        prop_assert_eq!(kept.policies, anew.policies);
        prop_assert_eq!(&kept.warnings, &anew.warnings);
        prop_assert_eq!(kept.set.plan(), anew.set.plan());
        for request in &requests {
            let (by_kept, anew) = (request.decide(&kept.set), request.decide(&anew.set));
            prop_assert_eq!(by_kept, anew, "{:?}", request);
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
