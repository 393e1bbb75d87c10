//! A client sidecar checks whom it talks to.

use landbridge_testbed::{Call, Mesh, Side, Workload};

#[tokio::test]
async fn a_server_with_another_name_gets_no_request() {
    let mesh = Mesh::builder("server-identity")
        .filters([])
        .start()
        .await
        .unwrap();
    let call = || {
        let frontend = Workload::new("euw1-a", "shop", "frontend");
        Call::get("/").from(frontend).to("use1-a").via_sidecar()
    };
    assert_eq!(mesh.call(call()).await.unwrap().status, 200);

    // The same trust domain and CA, but a service account that the server has not.
    let path = mesh.folder().join("euw1-a-client.json");
    let config = std::fs::read_to_string(&path).unwrap();
    let other = config.replace("/ns/shop/sa/orders\"", "/ns/shop/sa/invoices\"");
    assert_ne!(config, other);
    std::fs::write(&path, other).unwrap();
    mesh.restart("euw1-a", Side::Client).await.unwrap();

    assert_eq!(mesh.call(call()).await.unwrap().status, 503);
    let stats = mesh.stats("euw1-a", Side::Client).await.unwrap();
    let cluster = [(
        "cluster_name",
        "outbound|8080|use1-a|orders.shop.svc.cluster.local",
    )];
    assert!(stats.sum("envoy_cluster_ssl_fail_verify_san", &cluster) > 0.0);
    assert_eq!(mesh.upstream("use1-a").requests(), 1);
}
