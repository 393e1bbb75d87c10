//! Who may, and how often: by the cluster that a certificate proves.

use landbridge_testbed::{Call, Mesh, Side};

use crate::setup::{CLUSTERS, Trust, frontend, get, logged, post, product, said};

async fn may(mesh: &Mesh, trust: Trust) {
    for from in CLUSTERS {
        let writes = if from == "euw1-a" { 403 } else { 200 };
        for to in CLUSTERS {
            let path = format!("/orders/{from}/{to}");
            let read = Call::get(&path).from(frontend(from)).to(to);
            let write = Call::post(&path, "{}").from(frontend(from)).to(to);
            assert_eq!(
                mesh.call(read).await.unwrap().status,
                200,
                "{trust:?} {path}"
            );
            assert_eq!(
                mesh.call(write).await.unwrap().status,
                writes,
                "{trust:?} {path}"
            );
            let line = logged(mesh, to, Side::Server, &path).await;
            assert_eq!(said(&line, "decision")["source_cluster"], from, "{trust:?}");
        }
        // As applications call: by their sidecar, to their own cluster.
        let path = format!("/orders/of-{from}");
        let reply = mesh.call(get(from, &path)).await.unwrap();
        assert_eq!(
            (reply.status, &reply.json()["cluster"]),
            (200, &from.into())
        );
        let reply = mesh.call(post(from, &path)).await.unwrap();
        assert_eq!(reply.status, writes, "{trust:?} {path}");
        // What no rule allows is for nobody.
        let other = mesh.call(get(from, "/other")).await.unwrap();
        assert_eq!(other.status, 403, "{trust:?} {from}");
    }
}

/// Each cluster has its own count at the server, after authorization.
async fn how_often(mesh: &Mesh, trust: Trust) {
    let call = |from: &str| Call::get("/limited/1").from(frontend(from)).to("use1-b");
    // Two workers share one count, exactly.
    for from in ["use1-a", "euw1-a"] {
        let mut statuses = Vec::new();
        for _ in 0..7 {
            statuses.push(mesh.call(call(from)).await.unwrap().status);
        }
        assert_eq!(
            statuses,
            [200, 200, 200, 200, 200, 429, 429],
            "{trust:?} {from}"
        );
    }
    // What is refused by authorization uses up nothing.
    for _ in 0..7 {
        let denied = Call::post("/limited/1", "{}")
            .from(frontend("use1-b"))
            .to("use1-b");
        assert_eq!(mesh.call(denied).await.unwrap().status, 403);
    }
    assert_eq!(mesh.call(call("use1-b")).await.unwrap().status, 200);
}

async fn both(name: &str, trust: Trust) {
    let Some((_shop, mesh)) = product(name, trust).await else {
        return;
    };
    may(&mesh, trust).await;
    how_often(&mesh, trust).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_are_told_apart_by_their_trust_domains() {
    both("product-own", Trust::Own).await;
}

/// All callers have one SPIFFE ID; the rendered `EnvoyFilter` keeps who signed for each.
#[tokio::test(flavor = "multi_thread")]
async fn clusters_that_share_a_trust_domain_are_told_apart_by_their_issuers() {
    let trust = Trust::Shared;
    let Some((_shop, mesh)) = product("product-shared", trust).await else {
        return;
    };
    let id = mesh.spiffe(&frontend("use1-a")).unwrap();
    assert_eq!(mesh.spiffe(&frontend("euw1-a")).unwrap(), id);
    may(&mesh, trust).await;
    how_often(&mesh, trust).await;
}
