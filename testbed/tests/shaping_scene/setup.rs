//! What the scenes have in common.

use std::time::Duration;

use landbridge_testbed::ratelimit::Limit;
use landbridge_testbed::{Builder, Call, Filter, Mesh, NativeEntry, NativeRateLimit, Workload};

pub const SECOND: Duration = Duration::from_secs(1);
pub const SOON: Duration = Duration::from_secs(10);
pub const MINUTE: Duration = Duration::from_secs(60);
/// The header that limits count by.
pub const TENANT: &str = "x-tenant";

/// A mesh without filters of ours.
pub fn mesh(name: &str) -> Builder {
    Mesh::builder(name).filters([])
}

/// A call to `use1-a`, from `euw1-a`.
pub fn call() -> Call {
    let frontend = Workload::new("euw1-a", "shop", "frontend");
    Call::get("/orders").from(frontend).to("use1-a")
}

pub async fn status(mesh: &Mesh, call: Call) -> u16 {
    mesh.call(call).await.unwrap().status
}

/// The statuses of so many calls, one after another.
pub async fn statuses(mesh: &Mesh, call: Call, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(status(mesh, call.clone()).await);
    }
    statuses
}

/// A limit of the service's for each tenant, in a minute.
pub fn per_tenant(max: u64) -> Limit {
    Limit::new("shop", max, MINUTE)
        .when("policy", "tenants")
        .per("tenant")
}

/// Envoy's filter that asks the service for those.
pub fn asks() -> NativeRateLimit {
    let policy = NativeEntry::Fixed("policy".to_owned(), "tenants".to_owned());
    let tenant = NativeEntry::OfHeader("tenant".to_owned(), TENANT.to_owned());
    NativeRateLimit {
        timeout: SECOND,
        ..NativeRateLimit::new("shop", [policy, tenant])
    }
}

pub fn filter(asks: &NativeRateLimit) -> [Filter; 1] {
    [Filter::Static(asks.filter())]
}
