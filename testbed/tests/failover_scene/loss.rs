//! Clusters that are lost, Envoys that hang or start anew.

use std::time::Duration;

use landbridge_testbed::{CallError, GatewayMode, Side};

use crate::setup::{SECOND, counts, from, mesh, status, to};

#[tokio::test]
async fn a_lost_cluster_comes_back_whole() {
    let mesh = mesh("lost")
        .gateway("use1-b", GatewayMode::SanitizeSet)
        .start()
        .await
        .unwrap();
    let sides = [Side::Server, Side::Client, Side::Gateway];
    let gateway = || from("use1-a").via_gateway("use1-b");
    assert_eq!(status(&mesh, to("use1-b")).await, 200);
    assert_eq!(status(&mesh, gateway()).await, 200);

    let load = mesh.load(to("use1-b"), 50.0, None).unwrap();
    tokio::time::sleep(SECOND / 2).await;
    mesh.kill_cluster("use1-b").unwrap();
    for side in sides {
        assert!(!mesh.is_alive("use1-b", side).unwrap());
    }
    assert!(!mesh.upstream("use1-b").is_alive());
    assert_eq!(status(&mesh, to("use1-b")).await, 503);
    let outcome = mesh.call(gateway()).await;
    assert!(matches!(outcome, Err(CallError::Connect(_))), "{outcome:?}");
    assert_eq!(status(&mesh, to("euw1-a")).await, 200);

    mesh.restart_cluster("use1-b").await.unwrap();
    for side in sides {
        assert!(mesh.is_alive("use1-b", side).unwrap());
    }
    assert_eq!(status(&mesh, to("use1-b")).await, 200);
    assert_eq!(status(&mesh, gateway()).await, 200);
    let back = from("use1-b").via_sidecar().to("use1-a");
    assert_eq!(status(&mesh, back).await, 200);
    let report = load.stop().await;
    let outcomes = report.outcomes();
    assert!(outcomes["200"] > 20 && outcomes["503"] > 0, "{outcomes:?}");
    assert_eq!(
        report.served_between(Duration::ZERO, report.ran),
        counts(&[("use1-b", outcomes["200"])])
    );
}

#[tokio::test]
async fn a_frozen_envoy_hangs_until_it_is_thawed() {
    let mesh = mesh("frozen").start().await.unwrap();
    assert_eq!(status(&mesh, to("use1-b")).await, 200);
    mesh.freeze("use1-b", Side::Server).unwrap();
    let hanging = mesh.call(to("use1-b").timeout(SECOND / 2)).await;
    assert!(matches!(hanging, Err(CallError::Timeout(_))), "{hanging:?}");
    assert!(mesh.is_alive("use1-b", Side::Server).unwrap());
    mesh.thaw("use1-b", Side::Server).unwrap();
    assert_eq!(status(&mesh, to("use1-b")).await, 200);

    mesh.kill("euw1-a", Side::Server).unwrap();
    assert!(mesh.freeze("euw1-a", Side::Server).is_err());

    // It dies with its mesh all the same.
    mesh.freeze("use1-b", Side::Client).unwrap();
    let pid = mesh.pid("use1-b", Side::Client).unwrap().unwrap();
    drop(mesh);
    let process = std::path::PathBuf::from(format!("/proc/{pid}"));
    assert!(!process.exists());
}

#[tokio::test]
async fn callers_survive_a_restart_of_their_sidecar() {
    let mesh = mesh("restarted").start().await.unwrap();
    let load = mesh.load(to("use1-b"), 100.0, None).unwrap();
    tokio::time::sleep(SECOND).await;
    mesh.restart("use1-a", Side::Client).await.unwrap();
    tokio::time::sleep(SECOND).await;
    let report = load.stop().await;
    let end = report.ran;
    assert!(report.failures().count() > 0, "{:?}", report.outcomes());
    let later = report.served_between(end - SECOND / 2, end);
    let due = report.between(end - SECOND / 2, end).count();
    assert_eq!(later, counts(&[("use1-b", due)]));
    assert!(due > 40, "{due}");
}
