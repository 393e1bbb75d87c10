//! A broken configuration is refused, and what was in force stays in force.

use std::time::Duration;

use landbridge_testbed::{Call, Delivery, Mesh, Side};

use crate::setup::{ALLOW_US, SOON, apply, apply_refused, config, frontend, only};

/// A configuration of more than 10 MB.
fn huge() -> String {
    let rule = r#"{"from":[{"source":{"clusters":["use1-a"],"namespaces":["shop","partner","back-office"]}}]}"#;
    let rules = vec![rule; 50].join(",");
    let policies: Vec<String> = (0..2500)
        .map(|i| {
            format!(
                r#"{{"kind":"CrossClusterAuthorization","metadata":{{"name":"p{i}","namespace":"shop"}},"spec":{{"rules":[{rules}]}}}}"#
            )
        })
        .collect();
    let small = config(ALLOW_US, "{}");
    small.replace(
        "\"policies\":[",
        &format!("\"policies\":[{},", policies.join(",")),
    )
}

#[tokio::test]
async fn a_broken_configuration_is_refused_and_the_last_good_one_holds_under_load() {
    let mesh = Mesh::builder("broken")
        .clusters(only(&["use1-a", "euw1-a"]))
        .clients(false);
    let good = config(ALLOW_US, "{}");
    let mesh = mesh.config(&good).start().await.unwrap();
    let allowed = mesh
        .load(
            Call::get("/a").from(frontend("use1-a")).to("use1-a"),
            100.0,
            None,
        )
        .unwrap();
    let denied = mesh
        .load(
            Call::get("/d").from(frontend("euw1-a")).to("use1-a"),
            100.0,
            None,
        )
        .unwrap();

    let huge = huge();
    assert!(huge.len() > 10_000_000);
    for (broken, code, path) in [
        ("{not json".to_owned(), "LB0001", ""),
        (
            good.replace("\"jurisdictions\"", "\"jurisdiction\""),
            "LB0101",
            "policies[0].spec.rules[0].from[0].source.jurisdiction",
        ),
        (
            good.replace("\"jurisdictions\":[\"US\"]", "\"clusters\":[\"use9-z\"]"),
            "LB0202",
            "policies[0].spec.rules[0].from[0].source.clusters[0]",
        ),
        (
            good.replace("[\"US\"]", "[]"),
            "LB0105",
            "policies[0].spec.rules[0].from[0].source.jurisdictions",
        ),
        (
            good.replace("\"ALLOW\"", "\"PERMIT\""),
            "LB0104",
            "policies[0].spec.action",
        ),
        (
            good.replace("\"options\":{}", "\"options\":{\"explain\":\"Perhaps\"}"),
            "LB0104",
            "options.explain",
        ),
        (
            good.replace(
                "[{\"kind\":\"CrossClusterAuthorization\"",
                "[{\"kind\":\"Mesh\"",
            ),
            "LB0101",
            "policies[0]",
        ),
        (String::new(), "LB0001", ""),
        ("[".repeat(100_000), "LB0001", ""),
        (huge, "LB0401", ""),
    ] {
        assert_ne!(broken, good, "{code}");
        apply_refused(&mesh, "use1-a", &broken).await;
        let log = mesh.envoy_log("use1-a", Side::Server).unwrap();
        let told = log
            .lines()
            .any(|line| line.contains(&format!("[{code}]")) && line.contains(path));
        assert!(told, "{code} at {path} is not in the log");
        let stats = mesh.stats("use1-a", Side::Server).await.unwrap();
        let rejected = stats.sum(
            "landbridge_config_rejected_total",
            &[("filter", "authz"), ("code", code)],
        );
        assert!(rejected >= 1.0, "{code} is not counted");
    }

    // The next good one is taken.
    let next = config(
        &ALLOW_US.replace("jurisdictions: [US]", "jurisdictions: [US, EU]"),
        "{}",
    );
    tokio::time::sleep(Duration::from_millis(500)).await;
    let denied = denied.stop().await;
    assert!(denied.count() > 50);
    assert_eq!(
        denied
            .outcomes()
            .keys()
            .map(String::as_str)
            .collect::<Vec<_>>(),
        ["403"]
    );
    apply(&mesh, "use1-a", &next).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let reply = mesh
        .call(Call::get("/").from(frontend("euw1-a")).to("use1-a"))
        .await
        .unwrap();
    assert_eq!(reply.status, 200);
    let allowed = allowed.stop().await;
    assert_eq!(allowed.failures().count(), 0, "{:?}", allowed.outcomes());

    // One configuration is in force, and says which.
    let stats = mesh.stats("use1-a", Side::Server).await.unwrap();
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    let infos: Vec<_> = stats
        .find("landbridge_config_info", &version)
        .filter(|s| s.value == 1.0)
        .collect();
    assert_eq!(infos.len(), 1, "{infos:?}");
    assert_eq!(infos[0].labels["digest"].len(), 16);
}

#[tokio::test]
async fn a_broken_first_configuration_never_lets_a_request_through() {
    let mesh = Mesh::builder("broken-first")
        .clusters(only(&["use1-a"]))
        .clients(false);
    let mesh = mesh
        .config("{\"apiVersion\": 1}")
        .wait_ready(false)
        .start()
        .await
        .unwrap();
    let call = || {
        Call::get("/")
            .from(frontend("use1-a"))
            .to("use1-a")
            .timeout(Duration::from_secs(2))
    };
    for _ in 0..20 {
        // Whatever it is, it is not the service's answer.
        if let Ok(reply) = mesh.call(call()).await {
            assert!(reply.status >= 500, "{}", reply.status);
        }
    }
    assert_eq!(mesh.upstream("use1-a").requests(), 0);
    // Mended, it serves.
    let version = mesh.apply("use1-a", config(ALLOW_US, "{}")).unwrap();
    assert_eq!(
        mesh.wait_config(&version, SOON).await.unwrap(),
        Delivery::Accepted
    );
    mesh.wait_ready("use1-a", Side::Server, SOON).await.unwrap();
    assert_eq!(mesh.call(call()).await.unwrap().status, 200);
}
