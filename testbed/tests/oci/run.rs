//! A module that was pulled runs in an Envoy.

use landbridge_oci::{layout, pull, push};
use landbridge_testbed::{
    Call, ClusterSpec, Filter, Mesh, Registry, Side, Wasm, Workload, workspace,
};

use crate::setup::{client, real_bundles, target};

#[tokio::test]
async fn a_pulled_module_decides_in_an_envoy() {
    let name = "a_pulled_module_decides";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    let target = target(&registry, "1");
    let bundles = real_bundles();
    push::push(&client(&target), &target, &bundles, None)
        .await
        .unwrap();
    let mesh = workspace().join("policies/corpus/mesh.yaml");
    let mesh = std::fs::read_to_string(mesh).unwrap();
    let documents = landbridge_model::yaml::read(&mesh, None).unwrap();
    let config = landbridge_model::render(&documents, None, Some("{}"));
    let mut own = target.of_filter("authz");
    for tag in ["1", "1-wasm"] {
        own.tag = Some(tag.to_owned());
        let pulled = pull::pull(&client(&own), &own).await.unwrap();
        let module = registry.scratch().join(format!("{tag}.wasm"));
        layout::write_file(&module, &pulled.module).unwrap();
        let filter = Filter::Ecds(Wasm::new("authz", &module));
        let mesh = Mesh::builder(name)
            .clusters(ClusterSpec::default_mesh().into_iter().take(1))
            .filters([Filter::peer_issuer(), filter])
            .config(&config)
            .clients(false)
            .start()
            .await
            .unwrap();
        let caller = Workload::new("use1-a", "shop", "frontend");
        let call = Call::get("/orders").from(caller).to("use1-a");
        // No policy lets anybody in: with another module, or none, this would be 200.
        assert_eq!(mesh.call(call).await.unwrap().status, 403);
        let stats = mesh.stats("use1-a", Side::Server).await.unwrap();
        let denied = stats.sum("landbridge_authz_requests_total", &[("decision", "deny")]);
        assert_eq!(denied, 1.0);
    }
}
