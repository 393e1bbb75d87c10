//! One Envoy of a mesh that is restarted while the others run.

use landbridge_testbed::{Side, eventually};

use crate::setup::{SECOND, SOON, call, mesh, status};

#[tokio::test]
async fn an_envoy_is_restarted_while_the_others_run() {
    let mesh = mesh("restart").start().await.unwrap();
    let pid = |cluster: &str| mesh.pid(cluster, Side::Server).unwrap().unwrap();
    let (old, other) = (pid("use1-a"), pid("use1-b"));
    mesh.restart("use1-a", Side::Server).await.unwrap();
    assert_ne!(pid("use1-a"), old);
    assert_eq!(pid("use1-b"), other);
    assert_eq!(status(&mesh, call()).await, 200);
    assert_eq!(status(&mesh, call().via_sidecar()).await, 200);
}

#[tokio::test]
async fn an_envoy_is_taken_over_from_without_a_request_lost() {
    let mesh = mesh("hot")
        .clients(false)
        .hot_restarts()
        .start()
        .await
        .unwrap();
    let file = mesh.folder().join("use1-a-server.base-id");
    let base_id = std::fs::read_to_string(file).unwrap();
    let shared = format!("/dev/shm/envoy_shared_memory_{}0", base_id.trim());
    let shared = std::path::PathBuf::from(shared);
    assert!(shared.exists());

    let load = mesh.load(call(), 200.0, None).unwrap();
    for _ in 0..2 {
        let old = mesh.pid("use1-a", Side::Server).unwrap().unwrap();
        tokio::time::sleep(SECOND / 2).await;
        mesh.hot_restart("use1-a", Side::Server).await.unwrap();
        let new = mesh.pid("use1-a", Side::Server).unwrap().unwrap();
        assert_ne!(old, new);
        assert_eq!(status(&mesh, call()).await, 200);
        // It has ended, and nobody has asked for its status yet.
        eventually(SOON, "the end of the old one", async || {
            let stat = std::fs::read_to_string(format!("/proc/{old}/stat")).unwrap_or_default();
            (stat.is_empty() || stat.contains(") Z ")).then_some(())
        })
        .await
        .unwrap();
    }
    let report = load.stop().await;
    // Its connections are closed when it ends, of which it has told; a request may cross that.
    let failed = report.failures().count();
    assert!(failed <= 2, "{:?}", report.outcomes());

    // The next start is of a new line.
    mesh.restart("use1-a", Side::Server).await.unwrap();
    assert!(!shared.exists());
    assert_eq!(status(&mesh, call()).await, 200);
    mesh.hot_restart("use1-a", Side::Server).await.unwrap();
    assert_eq!(status(&mesh, call()).await, 200);
}
