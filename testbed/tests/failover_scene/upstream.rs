//! Services that fail in part, and what they know of it.

use std::collections::BTreeMap;

use landbridge_testbed::Side;
use serde_json::json;

use crate::setup::{SECOND, counts, edit, manager, mesh, status, to};

#[tokio::test]
async fn an_upstream_fails_in_part_and_knows_what_it_was_asked() {
    let mesh = mesh("partly").start().await.unwrap();
    let upstream = mesh.upstream("use1-b");
    upstream.set_error_share(30.0, 500);
    let mut statuses = BTreeMap::new();
    for number in 0..20 {
        let call = to("use1-b").header("x-testbed-label", number.to_string());
        *statuses.entry(status(&mesh, call).await).or_insert(0) += 1;
    }
    assert_eq!(statuses, BTreeMap::from([(200, 14), (500, 6)]));

    let seen = upstream.seen();
    let labels: Vec<_> = seen.iter().filter_map(|one| one.label.clone()).collect();
    let sent: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(labels, sent);
    assert!(seen.is_sorted_by_key(|one| one.at));
    for one in &seen {
        assert_eq!((one.method.as_str(), one.path.as_str()), ("GET", "/orders"));
        assert_eq!(one.endpoint, None);
    }
    let failed = seen.iter().filter(|one| one.status == Some(500));
    assert_eq!(failed.count(), 6);
    upstream.clear_seen();
    assert_eq!((upstream.seen().len(), upstream.requests()), (0, 20));

    upstream.set_error_share(0.0, 500);
    upstream.set_capacity(Some(50.0));
    let load = mesh.load(to("use1-b"), 200.0, 2 * SECOND).unwrap();
    let outcomes = load.finish().await.outcomes();
    // 100 are served in the time, and a tenth of a second's at once.
    let ok = outcomes["200"];
    assert!((95..=115).contains(&ok), "{outcomes:?}");
    assert_eq!(ok + outcomes["503"], 400);
    upstream.set_capacity(None);
    assert_eq!(status(&mesh, to("use1-b")).await, 200);
}

#[tokio::test]
async fn a_report_tells_who_served() {
    let mesh = mesh("shares").start().await.unwrap();
    // What the filter will say, said by a route's own means.
    edit(&mesh, "use1-a", Side::Client, |config| {
        let manager = manager(config);
        manager["route_config"]["response_headers_to_add"] = json!([
            {"header": {"key": "x-landbridge-served-by", "value": "use1-b"}},
            {"header": {"key": "x-landbridge-failover", "value": "because"}},
        ]);
    })
    .await;
    let load = mesh.load(to("use1-b"), 100.0, 3 * SECOND).unwrap();
    tokio::time::sleep(SECOND + SECOND / 2).await;
    let upstream = mesh.upstream("use1-b");
    upstream.kill();
    let report = load.finish().await;
    let shares = report.shares(SECOND);
    assert_eq!(shares.len(), 3);
    assert_eq!(shares[0], counts(&[("use1-b", 100)]));
    let half = shares[1]["use1-b"];
    assert!((30..=70).contains(&half), "{half}");
    assert_eq!(shares[2], counts(&[]));
    for shot in &report.shots {
        assert_eq!(shot.served_by.as_deref(), Some("use1-b"));
        assert_eq!(shot.failover.as_deref(), Some("because"));
    }
}
