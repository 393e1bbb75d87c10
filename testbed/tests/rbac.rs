//! Imported Istio policies mean here what Envoy's own RBAC makes of them: a little of what
//! `cargo xtask soak authz` compares. With `LANDBRIDGE_SEED`, cases follow from another seed.

use std::time::{Duration, Instant};

use landbridge_testbed::soak::Soak;

const CASES: u64 = 250;
const SEED: u64 = 20_261_125;
/// A slow machine compares less.
const LONGEST: Duration = Duration::from_secs(40);

#[test]
fn rbac_and_landbridge_agree_on_random_policies() {
    let seed = std::env::var("LANDBRIDGE_SEED").ok();
    let seed = seed.map_or(SEED, |seed| seed.parse().expect("a seed is a number"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut soak = Soak::start("rbac", seed).await.unwrap();
        let start = Instant::now();
        while soak.tally().cases < CASES && start.elapsed() < LONGEST {
            if let Err(failure) = soak.round().await {
                panic!("{failure}");
            }
        }
        println!("{}", soak.tally());
        soak.tally().check().unwrap();
    });
}
