//! Chapter 5: a noisy cluster is held to its share, and the others do not notice.

use std::error::Error;
use std::time::Duration;

use landbridge_testbed::{Call, Filter, Mesh, Report};

use crate::ledger::Ledger;
use crate::requests::frontend;
use crate::{policies, show};

/// The cluster whose service is called, the one that is noisy, and the one that is not.
const CALLED: &str = "use1-a";
const NOISY: &str = "euw1-a";
const QUIET: &str = "use1-b";
/// Requests a second.
const NOISE: f64 = 600.0;
const USUAL: f64 = 40.0;
/// What the policy gives each cluster.
const RATE: usize = 60;
const BURST: usize = 20;
/// How many requests a second the chart has room for.
const ROOM: usize = 140;
/// When the noise begins and ends, and when the chapter does, in seconds of the load.
const BEGINS: u64 = 3;
const LASTS: u64 = 5;
const ENDS: u64 = 10;

pub(crate) async fn chapter(ledger: &mut Ledger) -> Result<(), Box<dyn Error>> {
    show::chapter(
        "5. A noisy cluster is held to its share  (testbed/demo/shaping.yaml)",
        &[
            "shop/frontend in use1-b calls orders in use1-a 40 times a second. Then shop/frontend in",
            "euw1-a calls it 600 times a second: ten times the 60 that each cluster may. What orders",
            "received each second:",
        ],
    );
    let mesh = Mesh::builder("demo-shaping")
        .filters([Filter::wasm("shaping")?])
        .config(policies::shaping()?)
        .clients(false)
        .start()
        .await?;
    let call = |cluster: &str| {
        let call = Call::get("/orders").from(frontend(cluster)).to(CALLED);
        call.header("x-testbed-label", cluster)
    };
    let quiet = mesh.load(call(QUIET), USUAL, Duration::from_secs(ENDS))?;
    let mut noisy = None;
    let mut before = [0; 2];
    for second in 1..=ENDS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = received(&mesh);
        let served = [QUIET, NOISY].into_iter().zip(now.iter().zip(before));
        let served: Vec<_> = served
            .map(|(name, (now, before))| (name, now - before))
            .collect();
        before = now;
        let event = match second {
            BEGINS => "euw1-a sends 600 a second from here on",
            _ if second == BEGINS + LASTS => "and no more",
            _ => "",
        };
        show::counts(second, &served, ROOM, event);
        if second == BEGINS {
            noisy = Some(mesh.load(call(NOISY), NOISE, Duration::from_secs(LASTS))?);
        }
    }
    let quiet = quiet.finish().await;
    if let Some(noisy) = noisy {
        judge(ledger, &quiet, &noisy.finish().await);
    }
    Ok(())
}

/// How many requests came from the quiet cluster and from the noisy one.
fn received(mesh: &Mesh) -> [usize; 2] {
    let seen = mesh.upstream(CALLED).seen();
    [QUIET, NOISY].map(|cluster| {
        let of = seen
            .iter()
            .filter(|seen| seen.label.as_deref() == Some(cluster));
        of.count()
    })
}

fn judge(ledger: &mut Ledger, quiet: &Report, noisy: &Report) {
    let failed = quiet.failures().count();
    ledger.count_all(quiet.count(), quiet.count() - failed);
    println!(
        "\n  from {QUIET}: {} requests, {failed} refused, p99 {:.1} ms before the noise and {:.1} ms in it",
        quiet.count(),
        p99(quiet, 0, BEGINS),
        p99(quiet, BEGINS, BEGINS + LASTS),
    );
    let refused = noisy.failures().count();
    let served = noisy.count() - refused;
    println!(
        "  from {NOISY}: {} requests, {served} served, {refused} answered with 429",
        noisy.count()
    );
    let most = BURST + RATE * LASTS as usize;
    ledger.check(
        "the noisy cluster gets its share, and no more",
        served <= most + 1 && served * 100 >= most * 95,
    );
}

/// In milliseconds, of what was due in these seconds.
fn p99(report: &Report, from: u64, to: u64) -> f64 {
    let (from, to) = (Duration::from_secs(from), Duration::from_secs(to));
    let mut took: Vec<_> = report.between(from, to).map(|shot| shot.latency).collect();
    took.sort_unstable();
    let at = took.get(took.len() * 99 / 100);
    at.map_or(0.0, |took| took.as_secs_f64() * 1e3)
}
