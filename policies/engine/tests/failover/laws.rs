//! What holds whatever happens.

use crate::world::{START, World};
use landbridge_engine::failover::{Asked, Lawful, Outcome, Probe};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Event {
    Request {
        worker: usize,
        lawful: u8,
        hops: u32,
        requested: Option<Vec<u8>>,
        fails: bool,
        micros: Option<u64>,
    },
    Retry {
        worker: usize,
        lawful: u8,
        tried: u8,
        hops: u32,
    },
    Probe {
        worker: usize,
        candidate: usize,
        good: bool,
    },
    Poll {
        worker: usize,
        candidate: usize,
        healthy: u32,
        all: u32,
    },
    Transferred {
        worker: usize,
        bytes: u64,
    },
    Unroutable {
        worker: usize,
        candidate: usize,
    },
    Tick {
        worker: usize,
        ahead: u64,
    },
    Back {
        millis: u64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let names = prop_oneof![
        Just(b"use1-a".to_vec()),
        Just(b"euw1-a".to_vec()),
        Just(b"aps1-a".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    prop_oneof![
        8 => (0_usize..2, any::<u8>(), 0_u32..4, proptest::option::of(names), any::<bool>(), proptest::option::of(0_u64..5_000_000))
            .prop_map(|(worker, lawful, hops, requested, fails, micros)| Event::Request { worker, lawful, hops, requested, fails, micros }),
        2 => (0_usize..2, any::<u8>(), any::<u8>(), 0_u32..4)
            .prop_map(|(worker, lawful, tried, hops)| Event::Retry { worker, lawful, tried, hops }),
        2 => (0_usize..2, 0_usize..6, any::<bool>()).prop_map(|(worker, candidate, good)| Event::Probe { worker, candidate, good }),
        1 => (0_usize..2, 0_usize..4, 0_u32..12, 0_u32..12).prop_map(|(worker, candidate, healthy, all)| Event::Poll { worker, candidate, healthy, all }),
        1 => (0_usize..2, any::<u64>()).prop_map(|(worker, bytes)| Event::Transferred { worker, bytes }),
        1 => (0_usize..2, 0_usize..6).prop_map(|(worker, candidate)| Event::Unroutable { worker, candidate }),
        4 => (0_usize..2, 0_u64..20_000).prop_map(|(worker, ahead)| Event::Tick { worker, ahead }),
        1 => (0_u64..10_000).prop_map(|millis| Event::Back { millis }),
    ]
}

fn set(bits: u8) -> Lawful {
    (0..4)
        .filter(|i| bits >> i & 1 == 1)
        .fold(Lawful::NONE, Lawful::with)
}

fn spec() -> String {
    let at = |millis: u64| {
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(millis);
        humantime::format_rfc3339_millis(at).to_string()
    };
    // `use1-b` is drained for as long as the test runs, but for the clock's own jumps.
    format!(
        r#""health": {{"active": {{"path": "/"}}, "passive": {{"latency": {{"factor": 3}}}}, "endpoints": {{}}}},
           "maxHops": 2, "failback": {{"holdDown": "3s", "ramp": "5s"}},
           "transferBudgets": [{{"from": "us-east-1", "to": "eu-west-1", "gibPerHour": 1}}],
           "drains": [{{"clusters": ["use1-b"], "start": "{}", "end": "{}"}}]"#,
        at(START - 86_400_000),
        at(START + 86_400_000)
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// No sequence of events makes it choose a cluster that is unlawful, drained, unknown, or
    /// another than its own at the hop limit; and none makes it panic.
    #[test]
    fn never_an_unlawful_drained_or_unknown_cluster(events in proptest::collection::vec(event(), 1..250)) {
        let mut world = World::new(&spec(), 2);
        let drained = world.candidate("use1-b");
        let own = world.candidate("use1-a");
        for event in events {
            match event {
                Event::Request { worker, lawful, hops, requested, fails, micros } => {
                    let lawful = set(lawful);
                    let asked = Asked { lawful, hops, requested: requested.as_deref(), ..world.asked() };
                    if let Ok(choice) = world.workers[worker].route(&asked) {
                        prop_assert!(choice.candidate < world.names.len());
                        prop_assert!(lawful.has(choice.candidate), "unlawful: {choice:?}");
                        prop_assert!(choice.candidate != drained, "drained: {choice:?}");
                        prop_assert!(hops < 2 || choice.candidate == own, "too far: {choice:?}");
                        let outcome = if fails { Outcome::Failure } else { Outcome::Good };
                        world.workers[worker].answered(choice.service, choice.candidate, outcome, micros);
                    }
                }
                Event::Retry { worker, lawful, tried, hops } => {
                    let (lawful, tried) = (set(lawful), set(tried));
                    let asked = Asked { lawful, hops, ..world.asked() };
                    if let Some(choice) = world.workers[worker].retry(&asked, tried) {
                        prop_assert!(lawful.has(choice.candidate) && !tried.has(choice.candidate));
                        prop_assert!(choice.candidate != drained);
                        prop_assert!(hops < 2 || choice.candidate == own);
                    }
                }
                Event::Probe { worker, candidate, good } => {
                    let service = world.service;
                    world.workers[worker].probed(Probe { service, candidate }, good);
                }
                Event::Poll { worker, candidate, healthy, all } => {
                    let name = &world.names[candidate];
                    let around = format!("cluster.outbound|8080|{name}|orders.shop.svc.cluster.local;.membership_");
                    let lines = format!("{around}healthy: {healthy}\n{around}total: {all}\n");
                    let service = world.service;
                    world.workers[worker].polled(service, &lines);
                }
                Event::Transferred { worker, bytes } => {
                    let link = world.workers[0].set().service(world.service).and_then(|s| s.candidates[2].link);
                    world.workers[worker].transferred(link.unwrap(), bytes);
                }
                Event::Unroutable { worker, candidate } => {
                    let service = world.service;
                    world.workers[worker].unroutable(service, candidate);
                }
                Event::Tick { worker, ahead } => {
                    world.now += ahead + 1;
                    let now = world.now;
                    world.workers[worker].tick(now, &world.store);
                }
                Event::Back { millis } => world.now -= millis,
            }
        }
    }

    /// Whatever was learnt, a minute without errors is enough for the preferred cluster to have
    /// everything again: nothing sticks.
    #[test]
    fn in_the_end_all_is_well(failing in proptest::collection::vec(0_u8..=100, 1..20)) {
        let spec = r#""health": {"active": {"path": "/"}}, "failback": {"holdDown": "3s", "ramp": "5s"}"#;
        let mut world = World::new(spec, 2);
        for percent in failing {
            world.fall_ill("use1-a", f64::from(percent) / 100.0);
            world.run(1_000, 100);
        }
        world.fall_ill("use1-a", 0.0);
        world.run(30_000, 100);
        prop_assert_eq!(world.share("use1-a"), 100.0);
    }
}
