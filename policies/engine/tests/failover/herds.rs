//! What many proxies do at once: found by the simulator (`docs/simulation.md`).

use crate::world::{START, TICK, World, config, load};
use landbridge_engine::Memory;
use landbridge_engine::failover::{Outcome, Phase, Probe, Worker};
use std::rc::Rc;

const ACTIVE: &str =
    r#""health": {"active": {"path": "/healthz"}}, "failback": {"holdDown": "5s", "ramp": "10s"}"#;

#[test]
fn proxies_with_a_request_a_tick_keep_a_share_together() {
    let set = load(&config(r#""failback": {"holdDown": "2s", "ramp": "10s"}"#));
    let world = World::of(Rc::clone(&set), 1);
    let own = world.candidate("use1-a");
    let half = START + 2_000 + 5_000;
    let mut went = 0;
    for id in 0..200 {
        let (mut worker, store) = (Worker::new(Rc::clone(&set), id), Memory::default());
        worker.tick(START, &store);
        for _ in 0..10 {
            worker.answered(world.service, own, Outcome::Failure, None);
        }
        let mut now = START;
        while now < half {
            now += TICK;
            worker.tick(now, &store);
            // However few they are, they are not the same ones each time.
            let _ = worker.route(&world.asked());
        }
        let choice = worker.route(&world.asked()).unwrap();
        went += u32::from(choice.candidate == own);
    }
    assert!((80..=120).contains(&went), "{went} of 200, half way back");
}

#[test]
fn an_overloaded_cluster_is_not_taken_out_by_the_probes_that_it_sheds() {
    let mut world = World::new(ACTIVE, 1);
    world.fall_ill("use1-a", 0.3);
    let probe = Probe {
        service: world.service,
        candidate: world.candidate("use1-a"),
    };
    for _ in 0..20 {
        world.run(1_000, 200);
        world.workers[0].probed(probe, false);
        world.workers[0].probed(probe, false);
        world.tick();
        assert_eq!(world.phase("use1-a"), Phase::Up);
    }
    // But where no request says otherwise, it is probes that are believed.
    world.run(6_000, 0);
    world.workers[0].probed(probe, false);
    world.workers[0].probed(probe, false);
    world.tick();
    assert_eq!(world.phase("use1-a"), Phase::Down);
}

#[test]
fn where_all_are_overloaded_all_are_used() {
    let mut world = World::new("", 2);
    for name in world.names.clone() {
        world.fall_ill(&name, 0.3);
    }
    let served = world.run(60_000, 200);
    assert_eq!(served.values().sum::<u64>(), 12_000, "none was refused");
    assert!(world.transitions.is_empty(), "{:?}", world.transitions);
}

#[test]
fn a_way_back_is_no_shorter_where_the_others_are_overloaded() {
    let mut world = World::new(ACTIVE, 2);
    for name in world.names.clone() {
        world.fall_ill(&name, 0.3);
    }
    world.fall_ill("use1-a", 1.0);
    world.run(30_000, 400);
    assert_eq!(world.phase("use1-a"), Phase::Down);
    world.fall_ill("use1-a", 0.0);
    while world.phase("use1-a") != Phase::Up {
        world.run(TICK, 400);
    }
    let came = world.now;
    while world.now < came + 9_000 {
        let line = (world.now + 1_000 - came) as f64 / 100.0;
        let share = world.share("use1-a");
        assert!(share <= line + 2.0, "{share} at {line}");
    }
}

#[test]
fn one_bad_answer_of_few_takes_nothing_out_and_is_forgotten() {
    let mut world = World::new(r#""failback": {"ramp": "10s"}"#, 1);
    let (service, own) = (world.service, world.candidate("use1-a"));
    world.workers[0].answered(service, own, Outcome::Failure, None);
    world.run(4_000, 0);
    assert_eq!(world.phase("use1-a"), Phase::Up);
    world.run(15_000, 0);
    assert_eq!(world.share("use1-a"), 100.0);
}
