//! What must hold in every run, of sizes that are done in a moment.

use crate::figures::Figures;
use crate::record::Record;
use crate::run::{Plan, Variant, run};
use crate::weather::Scenario;
use crate::{Outcome, plot, report};

/// Points that a share may rise in a second: the default ramp is 30 s, and at these sizes chance
/// adds a few.
const RAMP: f64 = 100.0 / 30.0 + 6.0;

fn plan(scenario: Scenario) -> Plan {
    Plan {
        scenario,
        regions: scenario.regions(6),
        proxies: 90,
        seconds: 120,
        seed: 7,
    }
}

fn simulated(scenario: Scenario, variant: Variant) -> (Record, Figures) {
    let plan = plan(scenario);
    let record = run(&plan, variant).unwrap_or_else(|error| panic!("{error}"));
    let figures = Figures::of(&record, &plan.weather());
    (record, figures)
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let plan = Plan {
        seconds: 30,
        proxies: 24,
        ..plan(Scenario::SlowReturn)
    };
    let written = |plan: Plan| {
        let outcome = Outcome::of(plan).unwrap_or_else(|error| panic!("{error}"));
        let svg = plot::svg(&outcome).unwrap_or_else(|error| panic!("{error}"));
        format!(
            "{}{:#}{svg}",
            report::table(&outcome),
            report::json(&outcome)
        )
    };
    let once = written(plan);
    assert_eq!(once, written(plan));
    assert_ne!(once, written(Plan { seed: 8, ..plan }));
}

#[test]
fn a_lost_region_costs_no_request_and_brings_no_herd() {
    for variant in [Variant::Probes, Variant::Passive] {
        let (record, figures) = simulated(Scenario::RegionLoss, variant);
        assert_eq!(figures.lost, 0, "{variant:?}: within the retry budget");
        assert!(figures.retries <= record.requests / 5, "{figures:?}");
        assert_eq!(figures.unlawful, 0);
        assert!(figures.divert.is_some_and(|s| s <= 2.0), "{figures:?}");
        assert!(figures.back.is_some_and(|s| s <= 50.0), "{figures:?}");
        // The neighbour cannot get more than both regions' load, and what is tried again.
        assert!(figures.peak <= 1.4, "{figures:?}");
        assert!(figures.rise <= RAMP, "{figures:?}");
    }
}

#[test]
fn whatever_happens_shares_rise_along_the_ramp_and_stay_lawful() {
    for scenario in [
        Scenario::SlowReturn,
        Scenario::Flapping,
        Scenario::SkewedLoad,
        Scenario::TwoRegions,
    ] {
        let (_, figures) = simulated(scenario, Variant::Probes);
        assert_eq!(figures.unlawful, 0, "{scenario:?}");
        assert!(figures.rise <= RAMP, "{scenario:?}: {figures:?}");
        assert!(figures.peak_returning <= 1.3, "{scenario:?}: {figures:?}");
    }
}

#[test]
fn overload_does_not_become_an_outage() {
    for scenario in [Scenario::TwoRegions, Scenario::SkewedLoad] {
        for variant in [Variant::Probes, Variant::Passive] {
            let (record, figures) = simulated(scenario, variant);
            let avoidable = figures.lost.saturating_sub(figures.unavoidable);
            assert!(
                avoidable <= record.requests / 50,
                "{scenario:?}, {variant:?}: {figures:?}"
            );
        }
    }
}

#[test]
fn endpoints_that_die_cost_no_request() {
    let (record, figures) = simulated(Scenario::PartialLoss, Variant::Probes);
    assert_eq!(figures.lost, 0);
    assert!(figures.peak <= 1.2, "{figures:?}");
    let victim = plan(Scenario::PartialLoss).weather().victim;
    let least = record.seconds.iter().map(|s| s.share(victim, victim));
    let least = least.fold(100.0, f64::min);
    assert!(least >= 15.0, "{least}");
}
