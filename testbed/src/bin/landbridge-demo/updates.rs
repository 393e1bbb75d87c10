//! Chapters 2 and 3: a policy changes while traffic runs; a broken one does not get in.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::{Duration, Instant};

use landbridge_testbed::{Call, Delivery, Mesh, Report, Side};

use crate::ledger::{Ledger, Scene};
use crate::requests::frontend;
use crate::{policies, show};

const SOON: Duration = Duration::from_secs(10);

fn eu_write(verdict: &'static str, by: &'static str, reason: &'static str) -> Scene<'static> {
    Scene {
        who: "shop/frontend in euw1-a",
        what: "POST /orders",
        to: "use1-a",
        call: Call::post("/orders", "{}")
            .from(frontend("euw1-a"))
            .via_sidecar(),
        verdict,
        by,
        reason,
    }
}

/// Counts a stream of requests that all had to be let in.
fn settle(ledger: &mut Ledger, report: &Report) {
    let failures = report.failures().count();
    ledger.count_all(report.count(), report.count() - failures);
    println!(
        "  meanwhile {} requests of shop/frontend in use1-b, which both versions allow: {failures} failed",
        report.count(),
    );
}

pub(crate) async fn change(mesh: &Mesh, ledger: &mut Ledger) -> Result<(), Box<dyn Error>> {
    show::chapter(
        "2. The policy changes while traffic runs",
        &["The EU's shop may now write as well: `methods: [GET]` becomes `methods: [GET, POST]`."],
    );
    let load = mesh.load(
        Call::get("/orders").from(frontend("use1-b")).to("use1-a"),
        200.0,
        None,
    )?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    ledger
        .play(
            mesh,
            eu_write("deny", "", "NO_RULE_MATCHED"),
            Some("use1-b"),
        )
        .await?;
    let changed = policies::TEXT.replace("methods: [GET]", "methods: [GET, POST]");
    let start = Instant::now();
    let version = mesh.apply("use1-a", policies::config(&changed)?)?;
    let taken = mesh.wait_config(&version, SOON).await?;
    ledger.check("the new policy is taken", taken == Delivery::Accepted);
    println!(
        "  delivered by ECDS, {taken:?} after {} ms",
        start.elapsed().as_millis()
    );
    // The workers follow the main thread's word within milliseconds.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let now = eu_write("allow", "shop/orders eu-shop-reads", "ALLOWED_BY_RULE");
    ledger.play(mesh, now, Some("use1-b")).await?;
    settle(ledger, &load.stop().await);
    Ok(())
}

pub(crate) async fn breakage(mesh: &Mesh, ledger: &mut Ledger) -> Result<(), Box<dyn Error>> {
    show::chapter(
        "3. A broken policy is refused, and the last good one holds",
        &["A typo, past every check and delivered all the same: `jurisdictions: [UE]`."],
    );
    let load = mesh.load(
        Call::get("/orders").from(frontend("use1-b")).to("use1-a"),
        200.0,
        None,
    )?;
    let changed = policies::TEXT.replace("methods: [GET]", "methods: [GET, POST]");
    let broken = policies::config(&changed)?
        .replace("\"jurisdictions\":[\"EU\"]", "\"jurisdictions\":[\"UE\"]");
    let version = mesh.apply("use1-a", broken)?;
    let taken = mesh.wait_config(&version, SOON).await?;
    ledger.check("the broken policy is refused", taken == Delivery::Rejected);
    println!("  delivered by ECDS: {taken:?}. Envoy's log says:");
    let log = mesh.envoy_log("use1-a", Side::Server)?;
    let told: BTreeSet<&str> = log
        .lines()
        .filter_map(|line| line.split_once("landbridge authz: error"))
        .map(|(_, rest)| rest)
        .collect();
    let hinted = told
        .iter()
        .any(|line| line.starts_with("[LB0204]") && line.contains("did you mean"));
    ledger.check("the log says LB0204 and what to write", hinted);
    for line in told {
        println!("    error{line}");
    }
    let stats = mesh.stats("use1-a", Side::Server).await?;
    let refused = stats.sum("landbridge_config_rejected_total", &[("code", "LB0204")]);
    ledger.check("a counter of refusals", refused > 0.0);
    tokio::time::sleep(Duration::from_millis(500)).await;
    println!("  landbridge_config_rejected_total{{code=\"LB0204\"}} {refused}");
    let still = eu_write("allow", "shop/orders eu-shop-reads", "ALLOWED_BY_RULE");
    ledger.play(mesh, still, Some("use1-b")).await?;
    settle(ledger, &load.stop().await);
    Ok(())
}
