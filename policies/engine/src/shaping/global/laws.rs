//! What holds of limits that a service counts, in fake time.

#![expect(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

use super::GlobalTaken;
use super::simulation::{Kind, LATENCY, MILLI, SECOND, State, World};
use proptest::prelude::*;

const KINDS: [Kind; 3] = [Kind::Telling, Kind::Terse, Kind::Aligned];

#[test]
fn nearly_all_of_the_limit_is_served_and_not_too_much() {
    for kind in KINDS {
        for (rate, limit, proxies, workers) in [
            ("1000/s", 1000, 4, 2),
            ("100/s", 100, 4, 4),
            ("100/s", 100, 1, 1),
            ("5000/s", 5000, 2, 2),
            ("10/s", 10, 2, 2),
        ] {
            let mut world = World::new(rate, kind, proxies, workers);
            let [granted, _, lost] = world.offer(3 * limit, 20 * SECOND);
            let (worst, most) = world.worst();
            let share = granted as f64 / (20 * limit) as f64;
            let calls = world.service.calls / 20 / proxies as u64;
            let case = format!(
                "{kind:?} {rate} {proxies}x{workers}: {share:.3}, worst {worst} of {most}, {calls} calls/s, {lost} lost"
            );
            println!("{case}");
            assert!(share >= 0.9 && worst <= most && lost == 0, "{case}");
        }
    }
}

#[test]
fn half_the_limit_is_not_refused() {
    for kind in KINDS {
        for (rate, limit, proxies, workers) in [
            ("1000/s", 1000, 4, 2),
            ("100/s", 100, 4, 2),
            ("100/s", 100, 1, 4),
            ("10/s", 10, 2, 2),
            ("2/s", 2, 1, 1),
        ] {
            let mut world = World::new(rate, kind, proxies, workers);
            world.offer(limit / 2, SECOND);
            let [granted, refused, lost] = world.offer(limit / 2, 20 * SECOND);
            let case = format!("{kind:?} {rate} {proxies}x{workers}: {granted} {refused} {lost}");
            assert_eq!((refused, lost), (0, 0), "{case}");
        }
    }
}

#[test]
fn a_service_that_is_lost_and_comes_back() {
    for state in [State::Hangs, State::Fails, State::Babbles] {
        let mut world = World::new("100/s", Kind::Telling, 2, 2);
        world.offer(50, 3 * SECOND);
        world.service.state = state;
        // What is in stock and the credit are used, then nobody knows.
        world.offer(100, world.settings.lease + world.settings.timeout);
        let before = world.service.calls;
        let [granted, refused, lost] = world.offer(100, 10 * SECOND);
        assert_eq!((granted, refused), (0, 0), "{state:?}: {lost} lost");
        let probes = world.service.calls - before;
        assert!((18..=28).contains(&probes), "{state:?}: {probes} probes");

        world.service.state = State::Well;
        world.offer(50, 1_500 * MILLI);
        let [_, refused, lost] = world.offer(50, 5 * SECOND);
        assert_eq!((refused, lost), (0, 0), "{state:?}");

        world.pass(2 * SECOND);
        assert_eq!(world.calls_and_keys(), (0, 0), "{state:?}");
    }
}

#[test]
fn a_slow_answer_is_not_waited_for() {
    let mut world = World::new("100/s", Kind::Telling, 1, 2);
    world.latency = 150 * MILLI;
    world.offer(50, SECOND);
    let [_, refused, lost] = world.offer(50, 10 * SECOND);
    assert_eq!((refused, lost), (0, 0));
}

#[test]
fn made_up_keys_leave_nothing_behind() {
    let mut world = World::new("100/s", Kind::Telling, 1, 2);
    for key in 0..20_000 {
        world.pass(MILLI / 20);
        world.take(0, (key % 2) as usize, key, 1);
        if key % 1000 == 0 {
            let (calls, keys) = world.calls_and_keys();
            assert!(calls <= 2 * (64 + 256) && keys <= 2 * 4096);
        }
    }
    world.pass(2 * SECOND);
    assert_eq!(world.calls_and_keys(), (0, 0));
}

#[test]
fn who_is_forgotten_has_no_credit_again() {
    let mut world = World::new("10/s", Kind::Telling, 1, 1);
    world.service.state = State::Hangs;
    let granted = |world: &mut World, key| {
        let granted = (0..10).filter(|_| world.take(0, 0, key, 1) == GlobalTaken::Granted);
        granted.count()
    };
    assert_eq!(granted(&mut world, 8), 2);
    // Others of its set (there are 125) use up theirs.
    for i in 2..200 {
        for _ in 0..2 {
            world.take(0, 0, 8 + i * 125, 1);
        }
    }
    world.pass(3 * MILLI);
    assert_eq!(granted(&mut world, 8), 0);
    // Nor has one that was never there, and the rate pays for it.
    assert_eq!(granted(&mut world, 8 + 500 * 125), 0);
    world.pass(SECOND / 5);
    assert_eq!(granted(&mut world, 8 + 501 * 125), 2);
}

#[test]
fn a_request_that_costs_more_than_the_stock_goes_on_and_is_paid_for() {
    let mut world = World::new("10/s", Kind::Telling, 1, 1);
    assert_eq!(world.take(0, 0, 7, 30), GlobalTaken::Granted);
    assert!(matches!(
        world.take(0, 0, 7, 1),
        GlobalTaken::Refused { .. }
    ));
    let [granted, _, _] = world.offer(100, 2 * SECOND);
    assert_eq!(granted, 0);
    let [granted, _, _] = world.offer(100, 2 * SECOND);
    assert!(granted > 0);
    assert!(world.went_on.len() as u64 <= world.service.granted["7"] + 2);
}

#[derive(Clone, Debug)]
enum Step {
    Take(usize, u32, u32),
    /// A request is refused for another reason.
    Undo(usize, u32),
    Tick(usize),
    /// A worker is gone with what it holds, and another begins.
    Die(usize),
    Wait(u64),
    State(State),
    Latency(u64),
    /// The host answers as it likes.
    Answer(usize, u64, Vec<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    let worker = 0..4_usize;
    prop_oneof![
        8 => (worker.clone(), 1..4_u32, 1..12_u32).prop_map(|(w, c, n)| Step::Take(w, c, n)),
        1 => (worker.clone(), 1..4_u32).prop_map(|(w, c)| Step::Undo(w, c)),
        3 => worker.clone().prop_map(Step::Tick),
        1 => worker.clone().prop_map(Step::Die),
        6 => (0..80_u64).prop_map(Step::Wait),
        1 => (0..3_000_u64).prop_map(Step::Wait),
        1 => prop_oneof![
            3 => Just(State::Well),
            1 => Just(State::Hangs),
            1 => Just(State::Fails),
            1 => Just(State::Babbles),
        ].prop_map(Step::State),
        1 => (0..900_u64).prop_map(Step::Latency),
        1 => (worker, 0..20_u64, not_granted()).prop_map(|(w, i, b)| Step::Answer(w, i, b)),
    ]
}

/// Bytes that grant nothing.
fn not_granted() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    bytes.prop_map(|mut bytes| {
        // Over the limit, whatever was said before.
        bytes.extend(b"\x08\x02");
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn never_more_than_was_leased_and_the_credit(
        rate in prop_oneof![Just("10/s"), Just("100/s"), Just("2000/s"), Just("30/m")],
        kind in prop_oneof![Just(Kind::Telling), Just(Kind::Terse), Just(Kind::Aligned)],
        steps in prop::collection::vec(step(), 1..120),
    ) {
        // Two proxies with two workers each.
        let mut world = World::new(rate, kind, 2, 2);
        let mut begun = 2;
        for step in steps {
            match step {
                Step::Take(w, cost, times) => {
                    for _ in 0..times {
                        world.take(w / 2, w % 2, 7, cost);
                    }
                }
                Step::Undo(w, cost) => {
                    if world.take(w / 2, w % 2, 7, cost) == GlobalTaken::Granted {
                        world.undo(w / 2, w % 2, 7, cost);
                    }
                }
                Step::Tick(w) => world.tick(w / 2, w % 2),
                Step::Die(w) => {
                    begun += 1;
                    let other = World::new(rate, kind, 1, begun).proxies.remove(0);
                    let last = other.workers.into_iter().last().unwrap();
                    world.proxies[w / 2].workers[w % 2] = last;
                }
                Step::Wait(millis) => world.pass(millis * MILLI),
                Step::State(state) => world.service.state = state,
                Step::Latency(millis) => world.latency = LATENCY + millis * MILLI,
                Step::Answer(w, id, bytes) => {
                    let now = world.now;
                    let proxy = &mut world.proxies[w / 2];
                    let (stocks, health) = &mut proxy.workers[w % 2];
                    stocks.answered(id, Ok(&bytes), now, health, &proxy.store);
                }
            }
            // What was let through and could be is what was leased and what is owed.
            let mut could_be = world.went_on.len() as u64;
            let mut leased = world.service.granted.get("7").copied().unwrap_or(0);
            let terms = world.terms;
            let lease = world.settings.lease;
            for proxy in &world.proxies {
                let (tokens, have, owed) = proxy.workers[0].0.stock(7, world.now, &proxy.store);
                let held = proxy.workers.iter().map(|(stocks, _)| stocks.holds(7, world.now));
                let held = held.sum::<u32>();
                could_be += u64::from(tokens + held);
                leased += u64::from(owed);
                prop_assert!(owed <= terms.credit(lease, 3), "{owed} owed");
                prop_assert!(tokens + held <= have && have <= terms.stock(lease), "{tokens} and {held}: {have}");
            }
            prop_assert!(could_be <= leased, "{could_be} of {leased}");
            // A window's bound holds too, with the largest cost for the credit.
            let (worst, most) = world.worst();
            prop_assert!(worst <= most + 2 * 3, "{worst} of {most}");
        }
    }

    #[test]
    fn no_answer_is_too_strange(answers in prop::collection::vec(strange(), 1..30)) {
        let mut world = World::new("100/s", Kind::Telling, 1, 1);
        world.service.state = State::Hangs;
        for (id, answer) in (1..).zip(answers) {
            world.take(0, 0, 7, 1);
            world.tick(0, 0);
            let now = world.now;
            let proxy = &mut world.proxies[0];
            let (stocks, health) = &mut proxy.workers[0];
            stocks.answered(id, Ok(&answer), now, health, &proxy.store);
            world.pass(30 * MILLI);
        }
        world.service.state = State::Well;
        world.pass(3 * SECOND);
        world.take(0, 0, 7, 1);
        world.pass(2 * SECOND);
        prop_assert_eq!(world.take(0, 0, 7, 1), GlobalTaken::Granted);
    }
}

/// Any bytes; and answers with any numbers.
fn strange() -> impl Strategy<Value = Vec<u8>> {
    use super::wire::{Reset, Response, Status};
    use prost::Message;
    let status = (any::<i32>(), any::<u32>(), any::<i64>(), any::<i32>());
    let status = status.prop_map(|(code, limit_remaining, seconds, nanos)| Status {
        code,
        limit_remaining,
        duration_until_reset: Some(Reset { seconds, nanos }),
    });
    let response = (0..4, prop::collection::vec(status, 0..3));
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        response.prop_map(|(overall_code, statuses)| {
            let response = Response {
                overall_code,
                statuses,
            };
            response.encode_to_vec()
        }),
    ]
}
