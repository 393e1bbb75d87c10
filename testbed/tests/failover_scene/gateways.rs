//! Gateways that choose, and that send to one another.

use landbridge_testbed::{Delivery, Filter, GatewayMode, Side, Workload, eventually};
use serde_json::json;

use crate::setup::{SOON, from, mesh, served, status};

#[tokio::test]
async fn a_gateway_has_filters_that_choose() {
    // Any filter will do that sets the header and has the route chosen after that.
    let code = "function envoy_on_request(handle)
        handle:headers():replace('x-landbridge-cluster', 'euw1-a')
        handle:headers():replace('x-landbridge-hops', '1')
    end";
    let choose = Filter::Static(json!({
        "name": "choose",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": code},
        },
    }));
    let mesh = mesh("gateway-filters")
        .clients(false)
        .gateway("use1-a", GatewayMode::SanitizeSet)
        .gateway_filters([choose])
        .start()
        .await
        .unwrap();
    let reply = mesh
        .call(from("use1-b").via_gateway("use1-a"))
        .await
        .unwrap();
    assert_eq!(reply.json()["cluster"], "euw1-a");
    assert_eq!(reply.received("x-landbridge-cluster"), [""; 0]);
    assert_eq!(reply.received("x-landbridge-hops"), ["1"]);
}

#[tokio::test]
async fn joined_gateways_send_to_one_another() {
    let mesh = mesh("joined")
        .clients(false)
        .gateway("use1-a", GatewayMode::SanitizeSet)
        .gateway("euw1-a", GatewayMode::SanitizeSet)
        .gateways_joined()
        .start()
        .await
        .unwrap();
    let through = |cluster: &str| {
        let call = from("use1-b").via_gateway("use1-a").to(cluster);
        call.header("x-landbridge-hops", "1")
    };
    let reply = mesh.call(through("euw1-a")).await.unwrap();
    assert_eq!(reply.json()["cluster"], "euw1-a");
    assert_eq!(reply.received("x-landbridge-cluster"), [""; 0]);
    assert_eq!(reply.received("x-landbridge-hops"), ["1"]);
    // What has no gateway is called itself, and so is what is at home.
    assert_eq!(served(&mesh, through("use1-b")).await, "use1-b");
    assert_eq!(served(&mesh, through("use1-a")).await, "use1-a");
    let log = eventually(SOON, "a line", async || {
        Some(mesh.access_log("euw1-a", Side::Gateway).unwrap()).filter(|log| !log.is_empty())
    })
    .await
    .unwrap();
    assert_eq!(log.len(), 1);
    let gateway = mesh.spiffe(&Workload::new("use1-a", "istio-system", "gateway"));
    assert_eq!(log[0]["downstream_peer_uri_san"], gateway.unwrap());
}

/// Our authorization filter, as it needs no other: what counts is that it comes to a gateway by ECDS.
#[tokio::test]
async fn a_gateways_policies_change_while_it_runs() {
    let clusters = landbridge_testbed::workspace().join("policies/corpus/mesh.yaml");
    let text = std::fs::read_to_string(clusters).unwrap();
    let documents = landbridge_model::yaml::read(&text, None).unwrap();
    let config = |action: &str| {
        let options = json!({"defaultAction": action}).to_string();
        landbridge_model::render(&documents, None, Some(&options))
    };
    let mesh = mesh("gateway-ecds")
        .clients(false)
        .gateway("use1-a", GatewayMode::SanitizeSet)
        .gateway_filters([Filter::wasm("authz").unwrap()])
        .gateway_config(config("Deny"))
        .start()
        .await
        .unwrap();
    let call = || from("use1-a").via_gateway("use1-a");
    assert_eq!(status(&mesh, call()).await, 403);
    let deliver = async |json: String| {
        let version = mesh
            .apply_to("use1-a", Side::Gateway, "authz", json)
            .unwrap();
        mesh.wait_config(&version, SOON).await.unwrap()
    };
    assert_eq!(deliver(config("Allow")).await, Delivery::Accepted);
    eventually(SOON, "an allowed call", async || {
        (status(&mesh, call()).await == 200).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(deliver(config("Perhaps")).await, Delivery::Rejected);
    assert_eq!(status(&mesh, call()).await, 200);
    // It has it still after a restart.
    deliver(config("Allow")).await;
    mesh.restart_cluster("use1-a").await.unwrap();
    assert_eq!(status(&mesh, call()).await, 200);
}
