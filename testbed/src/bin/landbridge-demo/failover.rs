//! Chapter 4: a region dies, the traffic moves, EU data does not, the region returns slowly.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use landbridge_testbed::{Call, Filter, Mesh, Report, Side};

use crate::ledger::Ledger;
use crate::requests::frontend;
use crate::{policies, show};

/// The cluster that dies, in which the callers are.
const HOME: &str = "euw1-a";
/// When it dies, when it comes back, and when the chapter ends, in seconds of the load.
const DIES: u64 = 3;
const RETURNS: u64 = 7;
const ENDS: u64 = 20;
/// Requests a second, of both kinds.
const ORDERS: f64 = 120.0;
const CUSTOMERS: f64 = 20.0;

pub(crate) async fn chapter(ledger: &mut Ledger) -> Result<(), Box<dyn Error>> {
    show::chapter(
        "4. A region dies, and comes back  (testbed/demo/failover.yaml)",
        &[
            "shop/frontend in euw1-a calls orders, which runs in all three clusters; what is below",
            "/customers is personal data of the EU, and stays there. Where each second's requests",
            "were served:",
        ],
    );
    let mesh = Mesh::builder("demo-failover")
        .filters([])
        .client_filters([Filter::wasm("locality")?])
        .client_config(policies::failover()?)
        .start()
        .await?;
    let call = |path: &str| Call::get(path).from(frontend(HOME)).via_sidecar();
    let length = Duration::from_secs(ENDS);
    let orders = mesh.load(call("/orders"), ORDERS, length)?;
    let customers = mesh.load(call("/customers/7"), CUSTOMERS, length)?;
    let mut counted = BTreeMap::new();
    for second in 1..=ENDS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let event = match second {
            DIES => "its Envoy and its service are killed",
            RETURNS => "they are started again",
            _ => "",
        };
        show::shares(second, &served(&mesh, &mut counted), event);
        match second {
            DIES => {
                mesh.kill(HOME, Side::Server)?;
                mesh.upstream(HOME).kill();
            }
            RETURNS => {
                mesh.upstream(HOME).restart().await?;
                mesh.restart(HOME, Side::Server).await?;
            }
            _ => {}
        }
    }
    judge(ledger, &orders.finish().await, &customers.finish().await);
    Ok(())
}

/// How many requests each cluster received since the last look, probes left out.
fn served<'m>(mesh: &'m Mesh, before: &mut BTreeMap<&'m str, usize>) -> Vec<(&'m str, usize)> {
    let count = |cluster: &str| {
        let seen = mesh.upstream(cluster).seen();
        seen.iter().filter(|seen| seen.path != "/healthz").count()
    };
    let mut served = Vec::new();
    for cluster in mesh.clusters() {
        let now = count(cluster);
        let last = before.insert(cluster, now).unwrap_or_default();
        served.push((cluster, now.saturating_sub(last)));
    }
    served
}

fn judge(ledger: &mut Ledger, orders: &Report, customers: &Report) {
    let failed = orders.failures().count();
    ledger.count_all(orders.count(), orders.count() - failed);
    println!(
        "\n  GET /orders: {} requests, {failed} failed",
        orders.count()
    );
    let at_home = |served: &Option<String>| served.as_deref().is_none_or(|by| by == HOME);
    let abroad = customers
        .shots
        .iter()
        .filter(|shot| !at_home(&shot.served))
        .count();
    let refused = customers.failures().count();
    ledger.count_all(customers.count(), customers.count() - abroad);
    ledger.check("EU data is refused while the EU is down", refused > 0);
    println!(
        "  GET /customers/7: {} requests, {refused} answered with 503 while the EU was down, {abroad} served outside it",
        customers.count(),
    );
    let share = |from: u64, to: u64| {
        let served = orders.served_between(Duration::from_secs(from), Duration::from_secs(to));
        let all: usize = served.values().sum();
        let home = served.get(HOME).copied().unwrap_or_default();
        home * 100 / all.max(1)
    };
    ledger.check(
        "it serves all its region's requests at first",
        share(0, DIES - 1) == 100,
    );
    ledger.check("and none while it is down", share(DIES + 1, RETURNS) == 0);
    ledger.check("and all again in the end", share(ENDS - 1, ENDS) == 100);
}
