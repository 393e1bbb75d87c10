//! Illness, and the way back from it.

use crate::world::{START, TICK, World, config, load};
use landbridge_engine::failover::{Lawful, Phase, Worker};
use std::rc::Rc;

const ACTIVE: &str =
    r#""health": {"active": {"path": "/healthz"}}, "failback": {"holdDown": "5s", "ramp": "10s"}"#;

#[test]
fn well_clusters_serve_in_the_order_of_preference() {
    let mut world = World::new("", 2);
    assert_eq!(world.names, ["use1-a", "use1-b", "euw1-a", "aps1-a"]);
    let served = world.run(2000, 400);
    assert_eq!(
        served.into_iter().collect::<Vec<_>>(),
        [("use1-a".to_owned(), 800)]
    );
}

#[test]
fn a_cluster_that_fails_every_request_is_out_after_ten() {
    let mut world = World::new(ACTIVE, 1);
    world.fall_ill("use1-a", 1.0);
    let served = world.run(250, 400);
    assert_eq!(served["use1-a"], 10, "{served:?}");
    assert_eq!(served["use1-b"], 90);
    // And the other workers know with the next tick.
    let asked = world.asked();
    let set = load(&config(ACTIVE));
    world.workers.push(Worker::new(set, 7));
    world.tick();
    let other = world.workers[1].route(&asked).unwrap();
    assert_eq!(world.names[other.candidate], "use1-b");
    assert_eq!(other.reason.as_str(), "FAILED_OVER");
}

#[test]
fn the_way_back_is_probes_then_waiting_then_a_ramp() {
    let mut world = World::new(ACTIVE, 2);
    world.fall_ill("use1-a", 1.0);
    world.run(5_000, 400);
    assert_eq!(world.phase("use1-a"), Phase::Down);
    world.fall_ill("use1-a", 0.0);
    world.run(3_500, 400);
    assert_eq!(world.phase("use1-a"), Phase::Held);
    assert_eq!(world.share("use1-a"), 0.0, "it is held");
    world.run(4_500, 400);
    // Along the line, and never above it by more than five points.
    let came = world
        .transitions
        .iter()
        .find(|(_, name, t)| name == "use1-a" && t.change.to == Phase::Up);
    let came = came.expect("it came back").0;
    let mut last = 0.0;
    while world.now < came + 12_000 {
        let line = ((world.now + 1_000 - came) as f64 / 100.0).min(100.0);
        let share = world.share("use1-a");
        assert!(share <= line + 5.0, "{share} at {line}");
        assert!(share >= line - 15.0, "{share} at {line}");
        assert!(share >= last - 1.0);
        last = share;
    }
    assert_eq!(last, 100.0);
    let changes: Vec<_> = world
        .transitions
        .iter()
        .map(|(_, _, t)| t.change.to)
        .collect();
    assert_eq!(
        changes,
        [Phase::Down, Phase::Held, Phase::Up],
        "each is told once"
    );
}

#[test]
fn a_cluster_that_flaps_changes_once_each_way() {
    let mut world = World::new(ACTIVE, 2);
    for second in 0..60 {
        let dead = (second / 3) % 2 == 0;
        world.fall_ill("use1-a", if dead { 1.0 } else { 0.0 });
        world.run(1_000, 200);
    }
    let ups = world
        .transitions
        .iter()
        .filter(|(_, _, t)| t.change.to == Phase::Up);
    assert_eq!(ups.count(), 0, "{:?}", world.transitions);
}

#[test]
fn load_leaves_a_brown_out_in_proportion() {
    let mut world = World::new(r#""health": {"passive": {"errorShare": 5}}"#, 2);
    world.run(2_000, 200);
    world.fall_ill("use1-a", 0.3);
    let mut shares = Vec::new();
    for _ in 0..6 {
        shares.push(world.share("use1-a"));
    }
    // Each second what fails is cut off what is left.
    assert!(shares[1] < 80.0 && shares[1] > 60.0, "{shares:?}");
    assert!(shares[3] < 45.0, "{shares:?}");
    assert!(shares.windows(2).all(|w| w[1] <= w[0] + 1.0), "{shares:?}");
}

#[test]
fn slow_answers_count_as_errors_by_the_clusters_own_measure() {
    let spec = r#""health": {"passive": {"latency": {"factor": 3}}}"#;
    let mut world = World::new(spec, 2);
    world.ill.entry("use1-a".to_owned()).or_default().micros = 100_000;
    world.run(5_000, 200);
    assert_eq!(world.share("use1-a"), 100.0);
    world.ill.entry("use1-a".to_owned()).or_default().micros = 250_000;
    world.run(3_000, 200);
    assert_eq!(
        world.share("use1-a"),
        100.0,
        "within three times of what is usual"
    );
    world.ill.entry("use1-a".to_owned()).or_default().micros = 2_000_000;
    world.run(2_000, 200);
    assert_eq!(world.share("use1-a"), 0.0);
}

#[test]
fn few_requests_are_judged_too() {
    let mut world = World::new("", 1);
    world.fall_ill("use1-a", 0.5);
    // Four a second: never twenty in one interval.
    world.run(10_000, 4);
    assert!(world.share("use1-a") < 70.0);
}

#[test]
fn probes_find_what_no_request_does() {
    let mut world = World::new(ACTIVE, 2);
    world.fall_ill("use1-b", 1.0);
    world.fall_ill("euw1-a", 1.0);
    world.run(3_000, 100);
    assert_eq!(world.phase("use1-b"), Phase::Down);
    assert_eq!(world.share("use1-a"), 100.0);
    // And so the one behind it is next.
    world.run(3_000, 100);
    assert_eq!(world.phase("euw1-a"), Phase::Down);
    assert_eq!(world.phase("aps1-a"), Phase::Up);
}

#[test]
fn a_cluster_that_nobody_would_use_is_not_probed() {
    let probed = |spec: &str| {
        let mut world = World::new(spec, 1);
        let mut probed = std::collections::BTreeSet::new();
        for _ in 0..12 {
            world.now += TICK;
            let ticked = world.workers[0].tick(world.now, &world.store);
            let names = ticked
                .probes
                .iter()
                .map(|p| world.names[p.candidate].clone());
            probed.extend(names);
        }
        probed.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(probed(ACTIVE), ["use1-a", "use1-b"]);
    // Unless some requests may go there only, whether any has come to this worker or not.
    let residency = r#""residency": [{"dataClasses": ["personal"], "jurisdictions": ["IN"]}]"#;
    let spec = format!("{ACTIVE}, {residency}");
    assert_eq!(probed(&spec), ["aps1-a", "use1-a", "use1-b"]);
}

#[test]
fn without_probes_requests_find_out() {
    let mut world = World::new(r#""failback": {"holdDown": "2s", "ramp": "4s"}"#, 1);
    world.fall_ill("use1-a", 1.0);
    world.run(1_000, 400);
    assert_eq!(world.phase("use1-a"), Phase::Down);
    world.fall_ill("use1-a", 0.0);
    world.run(9_000, 400);
    assert_eq!(world.share("use1-a"), 100.0);
}

#[test]
fn one_worker_probes_and_a_dead_one_is_replaced() {
    let mut world = World::new(ACTIVE, 3);
    let leads = |world: &mut World, alive: &[usize]| {
        world.now += TICK;
        let mut leading = Vec::new();
        for i in alive {
            if world.workers[*i].tick(world.now, &world.store).leads {
                leading.push(*i);
            }
        }
        leading
    };
    let first = leads(&mut world, &[0, 1, 2]);
    assert_eq!(first.len(), 1);
    for _ in 0..20 {
        assert_eq!(leads(&mut world, &[0, 1, 2]), first, "it stays");
    }
    let alive: Vec<usize> = (0..3).filter(|i| *i != first[0]).collect();
    let taken: Vec<_> = (0..8).flat_map(|_| leads(&mut world, &alive)).collect();
    assert!(!taken.is_empty(), "within two seconds another leads");
    assert!(taken.iter().all(|i| *i == taken[0]));
}

#[test]
fn each_set_of_services_has_a_leader_of_its_own() {
    let store = landbridge_engine::Memory::default();
    let other = config(ACTIVE).replace("\"name\": \"orders\"", "\"name\": \"payments\"");
    for (id, config) in (0..).zip([config(ACTIVE), other]) {
        let mut worker = Worker::new(load(&config), id);
        assert!(worker.tick(START + TICK, &store).leads, "{id}");
    }
}

#[test]
fn what_was_learnt_outlives_a_new_policy() {
    let mut world = World::new(ACTIVE, 2);
    world.fall_ill("use1-a", 1.0);
    world.run(2_000, 400);
    let changed = ACTIVE.replace("\"10s\"", "\"20s\"");
    let set = load(&config(&changed));
    world.workers = (0..2)
        .map(|id| Worker::new(Rc::clone(&set), 100 + id))
        .collect();
    // What a filter does with a configuration: it looks before the first request.
    world.tick();
    let asked = world.asked();
    for worker in 0..2 {
        let choice = world.workers[worker].route(&asked).unwrap();
        assert_eq!(world.names[choice.candidate], "use1-b");
    }
}

#[test]
fn a_clock_that_is_set_back_makes_nothing_last() {
    let mut world = World::new(ACTIVE, 1);
    world.fall_ill("use1-a", 1.0);
    world.run(2_000, 400);
    world.fall_ill("use1-a", 0.0);
    world.now = START - 3_600_000;
    world.run(25_000, 400);
    assert_eq!(world.share("use1-a"), 100.0);
}

#[test]
fn garbage_in_the_store_is_nothing_known() {
    use landbridge_engine::Store;
    let mut world = World::new(ACTIVE, 1);
    for garbage in [&b""[..], b"\x01", b"\x02abc", &[1; 4096], &[255; 64]] {
        let key = "landbridge.locality.state.shop/orders/orders";
        assert!(world.store.set(key, garbage, None));
        assert!(world.store.set(
            "landbridge.locality.leader.shop/orders/orders",
            garbage,
            None
        ));
        world.tick();
        assert_eq!(world.share("use1-a"), 100.0);
    }
}

#[test]
fn endpoints_spill_as_envoys_table_has_it() {
    let spec = r#""health": {"endpoints": {}}, "preference": ["zone", "region", "price"]"#;
    let mut world = World::new(spec, 1);
    for (healthy, stays) in [
        (10, 100),
        (8, 100),
        (7, 98),
        (5, 70),
        (3, 42),
        (1, 14),
        (0, 0),
    ] {
        let lines = format!(
            "cluster.outbound|8080|use1-a|orders.shop.svc.cluster.local;.membership_healthy: {healthy}\n\
             cluster.outbound|8080|use1-a|orders.shop.svc.cluster.local;.membership_total: 10\n\
             cluster.outbound|8080|use1-b|orders.shop.svc.cluster.local.membership_healthy: 4\n\
             cluster.outbound|8080|use1-b|orders.shop.svc.cluster.local.membership_total: 4\n"
        );
        let service = world.service;
        world.workers[0].polled(service, &lines);
        world.tick();
        let share = world.share("use1-a");
        assert!(
            (share - f64::from(stays)).abs() < 1.0,
            "{healthy} of 10: {share}"
        );
    }
}

#[test]
fn all_of_a_service_out_is_an_answer_at_once() {
    let mut world = World::new(ACTIVE, 1);
    for name in world.names.clone() {
        world.fall_ill(&name, 1.0);
    }
    world.run(2_000, 400);
    let asked = world.asked();
    let refused = world.workers[0].route(&asked).unwrap_err();
    assert_eq!(refused.reason.as_str(), "NO_HEALTHY_CLUSTER");
    // The first that is well again serves at once: there is nothing to protect it from others.
    world.fall_ill("euw1-a", 0.0);
    world.run(4_000, 400);
    assert_eq!(world.share("euw1-a"), 100.0);
}

/// So few requests that each may have failed by chance must not keep probes from being believed.
#[test]
fn a_cluster_that_is_seldom_asked_is_taken_out_by_its_probes() {
    let mut world = World::new(r#""health": {"active": {"path": "/healthz"}}"#, 1);
    world.run(5_000, 40);
    world.fall_ill("use1-a", 1.0);
    // They may go nowhere else.
    let mut asked = world.asked();
    asked.lawful = Lawful::NONE.with(world.candidate("use1-a"));
    for tick in 0..48 {
        if tick % 8 == 0 {
            let _ = world.request(0, &asked);
        }
        world.tick();
    }
    assert_eq!(world.phase("use1-a"), Phase::Down);
}

/// Probes fail as well where there is nobody to answer them: that does not hide why.
#[test]
fn a_service_without_endpoints_is_told_from_one_that_is_ill() {
    let spec = r#""health": {"active": {"path": "/healthz"}, "endpoints": {}}"#;
    let mut world = World::new(spec, 1);
    let mut lines = String::new();
    for name in world.names.clone() {
        world.fall_ill(&name, 1.0);
        let of = format!("cluster.outbound|8080|{name}|orders.shop.svc.cluster.local");
        lines += &format!("{of}.membership_healthy: 0\n{of}.membership_total: 0\n");
    }
    let service = world.service;
    world.workers[0].polled(service, &lines);
    world.run(4_000, 40);
    assert_eq!(world.phase("use1-a"), Phase::Down);
    let asked = world.asked();
    let refused = world.workers[0].route(&asked).unwrap_err();
    assert_eq!(refused.reason.as_str(), "NO_ENDPOINTS");
}
