//! gRPC calls: whatever becomes of one, the filter is told once.

use std::collections::BTreeMap;

use crate::responder;
use crate::setup::{HERE, cluster, edit, is_well, mesh, told};
use serde_json::json;

/// What was called, in lines of the filter's configuration, and what came of it.
const CALLS: [(&str, &str); 14] = [
    (
        "there Echo 2000",
        r#"answered: 69 /check.Check/Echo there a+é Some("2000m") Some([112, 105, 110, 103])"#,
    ),
    (
        "outbound|81||there Echo 900 there.shop",
        r#"answered: 73 /check.Check/Echo there.shop a+é Some("900m") Some([112, 105, 110, 103])"#,
    ),
    // The responder takes no such authority.
    ("outbound|82||there Echo 2000", "failed: 14"),
    ("there Empty 2000", "answered: 0 "),
    ("there Nothing 2000", "failed: 13"),
    ("there Refuse 2000", "failed: 8"),
    ("there Late 2000", "failed: 13"),
    ("there Reset 2000", "failed: 14"),
    ("there Plain 2000", "failed: 13"),
    ("there Hang 300", "failed: 14"),
    ("nobody Echo 2000", "failed: 14"),
    ("empty Echo 2000", NOT_CALLED),
    ("unknown Echo 2000", NOT_CALLED),
    // Envoy would read it as a message, and find no cluster in it.
    ("a0000000 Echo 2000", NOT_CALLED),
];
const NOT_CALLED: &str = "not called: the proxy answered `call grpc` with status 10";
/// Two workers, and the main thread, whose filter ticks too.
const THREADS: usize = 3;

#[tokio::test]
async fn every_call_comes_to_one_end() {
    let there = responder::start().await;
    let nobody = "127.0.0.1:1".parse().unwrap();
    let mesh = mesh("host-grpc", "").await;
    edit(&mesh, |resources| {
        let mut empty = cluster("empty", nobody);
        empty["load_assignment"]["endpoints"] = json!([]);
        let clusters = resources["clusters"].as_array_mut().unwrap();
        clusters.extend([
            cluster("there", there),
            cluster("outbound|81||there", there),
            cluster("outbound|82||there", there),
            cluster("nobody", nobody),
            empty,
        ]);
    })
    .await;
    let config = CALLS.map(|(call, _)| format!("call {call}\n")).concat();
    mesh.apply(HERE, config).unwrap();
    // All is said when the last has waited in vain; what comes twice has time to do so.
    told(&mesh, "there/Hang failed", THREADS).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let mut told_all = BTreeMap::new();
    for line in told(&mesh, "", CALLS.len() * THREADS).await {
        *told_all.entry(line).or_insert(0) += 1;
    }
    let expected = CALLS.map(|(call, end)| {
        let mut words = call.split(' ');
        let (cluster, method) = (words.next().unwrap(), words.next().unwrap());
        (format!("{cluster}/{method} {end}"), THREADS)
    });
    assert_eq!(told_all, BTreeMap::from(expected));
    is_well(&mesh).await;
}
