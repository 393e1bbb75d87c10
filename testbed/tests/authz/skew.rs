//! Modules and configurations of two versions, and what each makes of the other's.
//!
//! The older module is built from the commit before packed configurations were read
//! (`cargo xtask skew`); the newer is this one. The rules are in docs/upgrades.md.

use std::path::PathBuf;
use std::time::Duration;

use landbridge_model::packed;
use landbridge_testbed::{Call, Delivery, Filter, Mesh, Side, Wasm, filter_module, workspace};

use crate::setup::{ALLOW_US, apply, apply_refused, config, frontend, only};

/// How long an Envoy may take that compiles a module on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The module of the older version, where it was built.
fn older() -> Option<PathBuf> {
    let module = workspace().join("target/skew/a35b844/authz.wasm");
    if module.is_file() {
        return Some(module);
    }
    eprintln!("SKIPPED: there is no older module; `cargo xtask skew` builds it");
    None
}

/// A mesh of one cluster that runs a module.
async fn mesh(name: &str, module: PathBuf, config: &str) -> Mesh {
    let mesh = Mesh::builder(name)
        .clusters(only(&["use1-a", "euw1-a"]))
        .clients(false)
        .filters([
            Filter::peer_issuer(),
            Filter::Ecds(Wasm::new("authz", module)),
        ]);
    mesh.config(config)
        .ready_timeout(PATIENCE)
        .start()
        .await
        .unwrap()
}

async fn judges(mesh: &Mesh) {
    for (cluster, status) in [("use1-a", 200), ("euw1-a", 403)] {
        let call = Call::get("/").from(frontend(cluster)).to("use1-a");
        assert_eq!(mesh.call(call).await.unwrap().status, status, "{cluster}");
    }
}

#[tokio::test]
async fn an_older_module_refuses_what_it_does_not_know_and_keeps_what_it_has() {
    let Some(older) = older() else { return };
    let good = config(ALLOW_US, "{}");
    let mesh = mesh("skew-older", older, &good).await;
    judges(&mesh).await;
    for newer in [
        packed::pack(&good),
        good.replace("\"options\":{}", "\"options\":{\"ofALaterVersion\":true}"),
        good.replace("\"action\":\"ALLOW\"", "\"action\":\"ALLOW\",\"later\":1"),
        good.replace("v1alpha1", "v1"),
    ] {
        assert_ne!(newer, good);
        apply_refused(&mesh, "use1-a", &newer).await;
        judges(&mesh).await;
    }
    let log = mesh.envoy_log("use1-a", Side::Server).unwrap();
    for told in [
        "[LB0101] at packed",
        "[LB0101] at options.ofALaterVersion",
        "[LB0107]",
    ] {
        assert!(log.contains(told), "{told} is not in the log");
    }
}

#[tokio::test]
async fn this_module_refuses_the_fields_of_a_later_one_and_says_which_it_is() {
    let good = config(ALLOW_US, "{}");
    let mesh = mesh("skew-later", filter_module("authz").unwrap(), &good).await;
    let later = good.replace("\"options\":{}", "\"options\":{\"ofALaterVersion\":true}");
    assert_ne!(later, good);
    // Packed or not.
    for later in [&later, &packed::pack(&later)] {
        apply_refused(&mesh, "use1-a", later).await;
        judges(&mesh).await;
    }
    let log = mesh.envoy_log("use1-a", Side::Server).unwrap();
    assert!(log.contains("[LB0101] at options.ofALaterVersion"));
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        log.contains(&format!("may be of a later version than {version}")),
        "{log}"
    );
}

#[tokio::test]
async fn a_new_proxy_with_an_older_module_fails_closed() {
    let Some(older) = older() else { return };
    let packed = packed::pack(&config(ALLOW_US, "{}"));
    let mesh = Mesh::builder("skew-first")
        .clusters(only(&["use1-a"]))
        .clients(false)
        .filters([Filter::Ecds(Wasm::new("authz", older))])
        .config(&packed)
        .wait_ready(false)
        .ready_timeout(PATIENCE)
        .start()
        .await
        .unwrap();
    for _ in 0..10 {
        let call = Call::get("/").from(frontend("use1-a")).to("use1-a");
        // Whatever it is, it is not the service's answer.
        if let Ok(reply) = mesh.call(call.timeout(Duration::from_secs(2))).await {
            assert!(reply.status >= 500, "{}", reply.status);
        }
    }
    assert_eq!(mesh.upstream("use1-a").requests(), 0);
    // The newer module takes it.
    let newer = filter_module("authz").unwrap();
    let version = mesh.apply_module("use1-a", &newer, &packed).unwrap();
    assert_eq!(
        mesh.wait_config(&version, PATIENCE).await.unwrap(),
        Delivery::Accepted
    );
    mesh.wait_ready("use1-a", Side::Server, PATIENCE)
        .await
        .unwrap();
    let call = Call::get("/").from(frontend("use1-a")).to("use1-a");
    assert_eq!(mesh.call(call).await.unwrap().status, 200);
}

#[tokio::test]
async fn modules_are_upgraded_and_rolled_back_under_load_without_an_error() {
    let Some(older) = older() else { return };
    let newer = filter_module("authz").unwrap();
    let good = config(ALLOW_US, "{}");
    let mesh = mesh("skew-load", older.clone(), &good).await;
    let call = |cluster: &str| Call::get("/load").from(frontend(cluster)).to("use1-a");
    let allowed = mesh.load(call("use1-a"), 100.0, None).unwrap();
    let denied = mesh.load(call("euw1-a"), 50.0, None).unwrap();
    let settle = || tokio::time::sleep(Duration::from_secs(2));
    settle().await;
    // Modules first, then documents; and back the other way round.
    let deliver = async |module: &PathBuf, config: &str| {
        let version = mesh.apply_module("use1-a", module, config).unwrap();
        let judged = mesh.wait_config(&version, PATIENCE).await.unwrap();
        assert_eq!(judged, Delivery::Accepted);
    };
    for _ in 0..2 {
        deliver(&newer, &good).await;
        settle().await;
        deliver(&newer, &packed::pack(&good)).await;
        settle().await;
        deliver(&newer, &good).await;
        settle().await;
        deliver(&older, &good).await;
        settle().await;
    }
    let (allowed, denied) = (allowed.stop().await, denied.stop().await);
    assert!(allowed.count() > 1000, "{}", allowed.count());
    assert_eq!(allowed.failures().count(), 0, "{:?}", allowed.outcomes());
    let answers: Vec<String> = denied.outcomes().into_keys().collect();
    assert_eq!(answers, ["403"]);
    // The module that is left still takes what it knows.
    apply(&mesh, "use1-a", &good.replace("allow-us", "allow-us-again")).await;
    judges(&mesh).await;
}
