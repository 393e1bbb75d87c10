//! What is looked at whichever program brought the mesh up.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use landbridge_testbed::compose::Layout;
use landbridge_testbed::{Call, Reply};

use crate::running::{call, served, until};

#[tokio::test]
async fn each_frontend_is_served_by_its_own_cluster() {
    for cluster in ["use1-a", "use1-b", "euw1-a"] {
        let reply = served(cluster, &[cluster]).await;
        // The server sidecar wrote down whose certificate it was shown.
        let told = reply.received("x-forwarded-client-cert").join(",");
        let caller = format!("URI=spiffe://{cluster}.mesh.example/ns/shop/sa/frontend");
        assert!(told.contains(&caller), "{told}");
    }
}

#[tokio::test]
async fn who_calls_decides_across_clusters() {
    for (from, to, what, status) in [
        ("euw1-a", "use1-a", Call::get("/orders"), 200),
        ("euw1-a", "use1-a", Call::post("/orders", "{}"), 403),
        ("use1-b", "use1-a", Call::post("/orders", "{}"), 200),
        ("use1-a", "euw1-a", Call::post("/orders", "{}"), 200),
        ("euw1-a", "euw1-a", Call::get("/customers/7"), 200),
        ("use1-a", "euw1-a", Call::get("/customers/7"), 403),
    ] {
        // A cluster that comes back to life is not chosen by whoever wishes, for a while.
        let by = |reply: &Reply| reply.header("x-landbridge-served-by") == Some(to);
        let wish = |reply: &Reply| by(reply) && reply.status == status;
        let reply = until(from, what.to(to), wish).await;
        let decision = reply.header("x-landbridge-decision").unwrap_or_default();
        let verdict = if status == 200 { "allow" } else { "deny" };
        assert!(decision.contains(verdict), "{from} to {to}: {decision}");
        if status == 200 {
            assert_eq!(reply.json()["cluster"], to);
        }
    }
}

#[tokio::test]
async fn nobody_is_served_without_a_certificate() {
    served("use1-a", &["use1-a"]).await;
    let first = &Layout::clusters()[0];
    let layout = std::env::var("LANDBRIDGE_SUBNET").map_or_else(
        |_| Layout::default(),
        |subnet| subnet.parse().expect("half an address"),
    );
    let mut stream = TcpStream::connect(layout.orders(first)).expect("the sidecar listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a time");
    let request = b"GET /orders HTTP/1.1\r\nhost: orders.shop.svc.cluster.local\r\n\r\n";
    stream.write_all(request).expect("it listens still");
    let mut answer = Vec::new();
    // A reset is as good as an end.
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(String::from_utf8_lossy(&answer), "");
    // And it was no accident: who has one is served.
    let reply = call("use1-a", Call::get("/orders")).await.expect("a reply");
    assert_eq!(reply.status, 200);
}
