//! Residency, drains, budgets, hops, affinity, retries.

use crate::world::{START, TICK, World, config, load};
use landbridge_engine::failover::{Asked, Lawful, Phase};
use landbridge_engine::{Facts, RawRequest};

fn rfc3339(millis: u64) -> String {
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(millis);
    humantime::format_rfc3339_millis(at).to_string()
}

fn lawful(world: &World, data: Option<&str>) -> Lawful {
    let set = world.workers[0].set();
    let service = set.service(world.service).unwrap();
    let mut headers = vec![
        (":method".to_owned(), b"GET".to_vec()),
        (":path".to_owned(), b"/".to_vec()),
        (
            ":authority".to_owned(),
            b"orders.shop.svc.cluster.local:8080".to_vec(),
        ),
    ];
    headers.extend(data.map(|data| ("x-data".to_owned(), data.as_bytes().to_vec())));
    let raw = RawRequest {
        headers: &headers,
        ..RawRequest::default()
    };
    let facts = Facts::new(raw, &set.base).unwrap();
    set.lawful(service, Some(&facts))
}

fn names(world: &World, lawful: Lawful) -> Vec<&str> {
    let lawful = (0..world.names.len()).filter(|i| lawful.has(*i));
    lawful.map(|i| world.names[i].as_str()).collect()
}

#[test]
fn a_data_class_stays_where_it_must() {
    let world = World::new("", 1);
    assert_eq!(names(&world, lawful(&world, None)).len(), 4);
    assert_eq!(names(&world, lawful(&world, Some("other"))).len(), 4);
    assert_eq!(
        names(&world, lawful(&world, Some("personal"))),
        ["use1-a", "use1-b"]
    );
    // What is not known of a request counts against it.
    let set = world.workers[0].set();
    let service = set.service(world.service).unwrap();
    assert_eq!(
        names(&world, set.lawful(service, None)),
        ["use1-a", "use1-b"]
    );
}

#[test]
fn a_policy_restricts_all_requests_or_some() {
    let world = World::new(r#""residency": [{"jurisdictions": ["EU", "US"]}]"#, 1);
    assert_eq!(
        names(&world, lawful(&world, None)),
        ["use1-a", "use1-b", "euw1-a"]
    );
    assert_eq!(
        names(&world, lawful(&world, Some("personal"))),
        ["use1-a", "use1-b"]
    );
    let one = r#""residency": [{"dataClasses": ["personal"], "jurisdictions": ["US", "IN"]}]"#;
    let world = World::new(one, 1);
    assert_eq!(names(&world, lawful(&world, None)).len(), 4);
    // The mesh says US only: both must hold.
    assert_eq!(
        names(&world, lawful(&world, Some("personal"))),
        ["use1-a", "use1-b"]
    );
}

#[test]
fn residency_wins_over_availability() {
    let mut world = World::new("", 1);
    let asked = Asked {
        lawful: lawful(&world, Some("personal")),
        ..world.asked()
    };
    world.fall_ill("use1-a", 1.0);
    world.fall_ill("use1-b", 1.0);
    for _ in 0..40 {
        if let Ok(choice) = world.request(0, &asked) {
            assert!(choice.candidate < 2);
            let other = world.workers[0].retry(&asked, tried(&[choice.candidate]));
            assert!(other.is_none_or(|choice| choice.candidate < 2));
        }
    }
    let refused = world.workers[0].route(&asked).unwrap_err();
    assert_eq!(refused.reason.as_str(), "RESIDENCY");
    let everywhere = Asked {
        lawful: lawful(&world, None),
        ..asked
    };
    assert!(
        world.workers[0].route(&everywhere).is_ok(),
        "the others go on"
    );
}

fn tried(candidates: &[usize]) -> Lawful {
    // What a filter collects as it goes.
    candidates.iter().fold(Lawful::NONE, |set, i| set.with(*i))
}

#[test]
fn a_drain_empties_a_cluster_along_its_ramp_and_ends_by_itself() {
    let (start, end) = (START + 5_000, START + 20_000);
    let spec = format!(
        r#""drains": [{{"clusters": ["use1-a"], "start": "{}", "end": "{}", "ramp": "5s"}}]"#,
        rfc3339(start),
        rfc3339(end)
    );
    let mut world = World::new(&spec, 1);
    let mut shares = Vec::new();
    while world.now < end + 8_000 {
        let at = world.now + 500;
        shares.push((at, world.share("use1-a")));
    }
    for (at, share) in shares {
        let kept = if at < start {
            100.0
        } else if at < end {
            100.0 - (at - start) as f64 / 50.0
        } else {
            (at - end) as f64 / 50.0
        };
        let kept = kept.clamp(0.0, 100.0);
        assert!((share - kept).abs() < 8.0, "{share} for {kept} at {at}");
    }
}

#[test]
fn all_drained_is_an_answer() {
    let spec = format!(
        r#""drains": [{{"regions": ["us-east-1", "eu-west-1", "ap-south-1"], "start": "{}", "end": "{}"}}]"#,
        rfc3339(START - 1_000),
        rfc3339(START + 60_000)
    );
    let mut world = World::new(&spec, 1);
    let asked = world.asked();
    let refused = world.workers[0].route(&asked).unwrap_err();
    assert_eq!(refused.reason.as_str(), "ALL_DRAINED");
}

#[test]
fn the_cheaper_of_two_is_taken_until_its_budget_is_spent() {
    let spec = r#""preference": ["zone", "region", "price"],
        "transferBudgets": [{"from": "us-east-1", "to": "eu-west-1", "costPerHour": 0.02}]"#;
    let mut world = World::new(spec, 1);
    world.fall_ill("use1-a", 1.0);
    world.fall_ill("use1-b", 1.0);
    world.run(1_000, 400);
    assert_eq!(world.share("euw1-a"), 100.0, "2 cents a GiB against 9");
    let set = load(&config(spec));
    let (_, service) = set.services().next().unwrap();
    let link = service.candidates[2].link.unwrap();
    assert_eq!(
        set.link(link).unwrap(),
        ("us-east-1", "eu-west-1", Some(20_000))
    );
    world.workers[0].transferred(link, 1 << 30);
    world.workers[0].transferred(link, 1 << 30);
    world.tick();
    assert_eq!(world.share("aps1-a"), 100.0);
    let asked = world.asked();
    let choice = world.workers[0].route(&asked);
    assert_eq!(choice.unwrap().reason.as_str(), "BUDGET_SPENT");
    // With the dearer one out there is nothing else, and that is told.
    world.fall_ill("aps1-a", 1.0);
    world.run(1_000, 400);
    assert_eq!(world.share("euw1-a"), 100.0);
    let asked = world.asked();
    let choice = world.workers[0].route(&asked);
    assert_eq!(choice.unwrap().reason.as_str(), "OVER_BUDGET");
}

#[test]
fn a_request_is_not_sent_on_for_ever() {
    let mut world = World::new(r#""maxHops": 1"#, 1);
    let asked = Asked {
        hops: 1,
        ..world.asked()
    };
    let choice = world.request(0, &asked).unwrap();
    assert_eq!(world.names[choice.candidate], "use1-a");
    world.fall_ill("use1-a", 1.0);
    world.run(1_000, 400);
    let refused = world.workers[0].route(&asked).unwrap_err();
    assert_eq!(refused.reason.as_str(), "HOP_LIMIT");
    assert!(world.workers[0].retry(&asked, Lawful::NONE).is_none());
    let first = Asked { hops: 0, ..asked };
    assert!(world.workers[0].route(&first).is_ok());
}

#[test]
fn a_trusted_caller_gets_the_cluster_that_it_asks_for_if_it_may() {
    let mut world = World::new(r#""preference": ["region"]"#, 1);
    let ask = |world: &mut World, name: &'static [u8]| {
        let asked = Asked {
            requested: Some(name),
            ..world.asked()
        };
        let choice = world.workers[0].route(&asked).unwrap();
        (
            world.names[choice.candidate].clone(),
            choice.reason.as_str(),
        )
    };
    assert_eq!(
        ask(&mut world, b"use1-b"),
        ("use1-b".to_owned(), "REQUESTED")
    );
    assert_eq!(ask(&mut world, b"euw1-a").0, "euw1-a");
    for wrong in [&b"nowhere"[..], b"", b"\xff\xfe", b"use1-a,use1-b"] {
        let (name, _) = ask(&mut world, wrong);
        assert!(name.starts_with("use1-"), "{wrong:?}");
    }
}

#[test]
fn callers_with_one_header_go_one_way() {
    let spec = r#""preference": ["region"], "affinity": {"header": "x-user"}"#;
    let mut world = World::new(spec, 2);
    let mut seen = std::collections::BTreeMap::new();
    for round in 0..3 {
        for user in 0..200 {
            let value = format!("user-{user}");
            let asked = Asked {
                affinity: Some(value.as_bytes()),
                ..world.asked()
            };
            let choice = world.workers[round % 2].route(&asked).unwrap();
            assert_eq!(
                *seen.entry(user).or_insert(choice.candidate),
                choice.candidate
            );
        }
    }
    let first = seen.values().filter(|c| **c == 0).count();
    assert!((70..130).contains(&first), "{first} of 200");
}

#[test]
fn a_cookie_keeps_a_caller_where_it_was_while_that_is_well() {
    let spec = r#""affinity": {"cookie": "home"}, "health": {"active": {"path": "/"}}"#;
    let mut world = World::new(spec, 1);
    let stay = Asked {
        affinity: Some(b"use1-b"),
        ..world.asked()
    };
    let choice = world.workers[0].route(&stay).unwrap();
    // Nothing spills: a caller without the cookie goes to use1-a.
    assert_eq!(world.names[choice.candidate], "use1-b");
    assert_eq!(choice.reason.as_str(), "AFFINITY");
    world.fall_ill("use1-b", 1.0);
    world.run(3_000, 100);
    assert_eq!(world.phase("use1-b"), Phase::Down);
    let choice = world.workers[0].route(&stay).unwrap();
    assert_eq!(world.names[choice.candidate], "use1-a");
    let forged = Asked {
        affinity: Some(b"euw1-a"),
        lawful: lawful(&world, Some("personal")),
        ..stay
    };
    let choice = world.workers[0].route(&forged).unwrap();
    assert_eq!(world.names[choice.candidate], "use1-a", "not lawful");
}

#[test]
fn retries_are_bounded_by_their_budget() {
    let spec = r#""retries": {"budget": 10, "minPerSecond": 1}"#;
    let mut world = World::new(spec, 1);
    let asked = world.asked();
    let mut taken = 0;
    for _ in 0..1_000 {
        let choice = world.workers[0].route(&asked).unwrap();
        taken += usize::from(
            world.workers[0]
                .retry(&asked, tried(&[choice.candidate]))
                .is_some(),
        );
    }
    // A tenth of the requests, and ten seconds' worth of one a second.
    assert!((100..=112).contains(&taken), "{taken}");
    for _ in 0..40 {
        world.now += TICK;
        world.tick();
    }
    let later = (0..100).filter(|_| world.workers[0].retry(&asked, Lawful::NONE).is_some());
    assert!((9..=20).contains(&later.count()));
}

#[test]
fn what_no_route_leads_to_is_passed_over_for_a_while() {
    let mut world = World::new("", 1);
    let service = world.service;
    world.workers[0].unroutable(service, 0);
    assert_eq!(world.share("use1-b"), 100.0);
    world.run(6_000, 40);
    assert_eq!(world.share("use1-a"), 100.0);
    for i in 0..4 {
        world.workers[0].unroutable(service, i);
    }
    let asked = world.asked();
    let refused = world.workers[0].route(&asked).unwrap_err();
    assert_eq!(refused.reason.as_str(), "NO_ROUTE");
}
