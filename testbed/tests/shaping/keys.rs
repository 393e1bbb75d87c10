//! "One of them used up what was everybody's": what is counted together, and for how much.

use landbridge_testbed::{Call, Mesh, Workload};
use serde_json::{Value, json};

use crate::setup::{config, from, get, mesh, passes, statuses};

async fn limited(name: &str, limit: Value) -> Mesh {
    let mut whole = json!({"name": "it", "rate": "2/m", "burst": 2});
    whole
        .as_object_mut()
        .unwrap()
        .extend(limit.as_object().unwrap().clone());
    mesh(name, &config(json!({"limits": [whole]})))
        .clients(false)
        .start()
        .await
        .unwrap()
}

/// Each of these has its own two.
async fn apart(mesh: &Mesh, calls: &[Call]) {
    for (number, call) in calls.iter().enumerate() {
        let got = statuses(mesh, call, 3).await;
        assert_eq!(got, [200, 200, 429], "the {number}th");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_are_counted_by_what_they_prove() {
    let frontend = |cluster: &str| get(cluster, "/orders");
    let of = |namespace: &str, account: &str| {
        from(Workload::new("euw1-a", namespace, account), "/orders")
    };
    let mesh = limited("key-cluster", json!({"key": ["source.cluster"]})).await;
    apart(&mesh, &[frontend("euw1-a"), frontend("use1-b")]).await;
    // Another of the same cluster.
    assert_eq!(passes(&mesh, &of("pay", "other"), 2).await, 0);

    let mesh = limited("key-principal", json!({"key": ["source.principal"]})).await;
    apart(&mesh, &[of("shop", "a"), of("shop", "b"), of("pay", "a")]).await;

    let mesh = limited("key-namespace", json!({"key": ["source.namespace"]})).await;
    apart(&mesh, &[of("shop", "a"), of("pay", "a")]).await;
    assert_eq!(passes(&mesh, &of("shop", "b"), 2).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_what_they_are() {
    let path = |path: &str| get("euw1-a", path);
    let user = |user: &str| path("/").header("x-user", user);
    let key = json!({"key": ["request.headers[x-user]", "request.method"]});
    let mesh = limited("key-header", key).await;
    apart(
        &mesh,
        &[user("a"), user("b"), user("a").method("PUT"), path("/")],
    )
    .await;

    let key = json!({"key": ["request.path"], "paths": ["/orders/{*}", "/users/{**}"]});
    let mesh = limited("key-path", key).await;
    let got = statuses(&mesh, &path("/orders/1"), 1).await;
    assert_eq!(got, [200]);
    let got = statuses(&mesh, &path("/orders/2?page=2"), 2).await;
    assert_eq!(got, [200, 429]);
    apart(&mesh, &[path("/users/1/2"), path("/anything")]).await;
    assert_eq!(passes(&mesh, &path("/else"), 1).await, 0);
    // Another way to write it.
    assert_eq!(passes(&mesh, &path("//orders/./3"), 1).await, 0);
    assert_eq!(passes(&mesh, &path("/%6frders/3"), 1).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn some_values_have_another_rate() {
    let limit = json!({
        "key": ["request.headers[x-user]"],
        "overrides": [
            {"values": ["gold-*"], "rate": "5/m", "burst": 5},
            {"values": ["blocked"], "rate": "1/h", "burst": 1},
        ],
    });
    let mesh = limited("overrides", limit).await;
    let user = |user: &str| get("euw1-a", "/").header("x-user", user);
    assert_eq!(passes(&mesh, &user("gold-1"), 8).await, 5);
    assert_eq!(passes(&mesh, &user("gold-2"), 8).await, 5);
    assert_eq!(passes(&mesh, &user("blocked"), 3).await, 1);
    assert_eq!(passes(&mesh, &user("silver"), 4).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dear_request_counts_for_several() {
    let limit = json!({
        "key": ["request.headers[x-user]"], "burst": 10,
        "cost": {"header": "x-cost", "most": 8, "paths": [{"paths": ["/report"], "cost": 5}]},
    });
    let mesh = limited("cost", limit).await;
    let of = |user: &str, path: &str| get("euw1-a", path).header("x-user", user);
    assert_eq!(passes(&mesh, &of("a", "/orders"), 13).await, 10);
    assert_eq!(passes(&mesh, &of("b", "/report"), 4).await, 2);
    let said = of("c", "/report").header("x-cost", "3");
    assert_eq!(passes(&mesh, &said, 5).await, 3);
    // What is no such number counts as the most: 8.
    for (user, wrong) in ["0", "-1", "abc", "9", "99999999999", "1,1", ""]
        .iter()
        .enumerate()
    {
        let wrong = of(&format!("d{user}"), "/").header("x-cost", wrong);
        assert_eq!(passes(&mesh, &wrong, 3).await, 1);
    }
    let twice = of("e", "/").header("x-cost", "1").header("x-cost", "1");
    assert_eq!(passes(&mesh, &twice, 3).await, 1, "two of them");
}
