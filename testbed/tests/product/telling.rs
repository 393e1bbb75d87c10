//! One request, and what each filter of its way said of it.

use landbridge_testbed::Side;

use crate::setup::{Trust, get, logged, product, said};

#[tokio::test(flavor = "multi_thread")]
async fn access_logs_and_metrics_have_all_three_filters() {
    let Some((_shop, mesh)) = product("product-telling", Trust::Shared).await else {
        return;
    };
    let path = "/split/told";
    let reply = mesh
        .call(get("use1-a", path).header("x-user", "u"))
        .await
        .unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("x-landbridge-served-by"), Some("use1-a"));
    let left = logged(&mesh, "use1-a", Side::Client, path).await;
    assert_eq!(
        said(&left, "locality")["serving_cluster"],
        "use1-a",
        "{left}"
    );
    let backend = said(&left, "shaping")["backend"].clone();
    assert_eq!(
        reply.received("x-landbridge-backend"),
        [backend.as_str().unwrap()]
    );
    let expected = format!(
        "outbound|8080|use1-a-{}|orders.shop.svc.cluster.local;",
        backend.as_str().unwrap()
    );
    assert_eq!(left["upstream_cluster"], expected);
    assert_eq!(
        left["route_name"],
        format!("landbridge-use1-a-{}", backend.as_str().unwrap())
    );
    let came = logged(&mesh, "use1-a", Side::Server, path).await;
    let decision = said(&came, "decision");
    assert_eq!(
        (&decision["reason"], &decision["source_cluster"]),
        (&"ALLOWED_BY_RULE".into(), &"use1-a".into())
    );
    assert_eq!(said(&came, "shaping")["reason"], "WITHIN_LIMITS");
    let server = mesh.stats("use1-a", Side::Server).await.unwrap();
    let client = mesh.stats("use1-a", Side::Client).await.unwrap();
    for (stats, filter) in [
        (&server, "authz"),
        (&server, "shaping"),
        (&client, "locality"),
        (&client, "shaping"),
    ] {
        let info = format!("landbridge_{filter}_config_info");
        let found = stats.samples().iter().any(|sample| {
            sample.name == info || sample.name.contains(&format!("landbridge_{filter}"))
        });
        assert!(found, "{filter}");
    }
}
