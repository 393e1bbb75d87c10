//! `landbridge route`: where a request would go.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod scene;

use scene::{MESH, Ran, Scene};

const FAILOVER: &str = "apiVersion: landbridge.dev/v1alpha1
kind: LocalityFailover
metadata: {name: orders, namespace: shop}
spec:
  services: [{name: orders, hosts: [orders.shop], port: 80, clusters: [use1-a, use1-b, euw1-a]}]
  residency: [{dataClasses: [customer], jurisdictions: [US]}]
  maxHops: 1
  drains:
  - {clusters: [use1-a], start: 2026-12-01T00:00:00Z, end: 2026-12-02T00:00:00Z, ramp: 10h}
";

fn route(args: &[&str]) -> Ran {
    let scene = Scene::new(&[("mesh.yaml", MESH), ("failover.yaml", FAILOVER)]);
    let request = ["--cluster", "use1-a", "--host", "orders.shop:80"];
    let files = ["route", "mesh.yaml", "failover.yaml"];
    scene.run(&[&files, &request[..], args].concat())
}

#[track_caller]
fn says(args: &[&str], expected: &str) {
    let ran = route(args);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args:?}");
    let (first, _) = ran.stdout.split_once('\n').unwrap();
    assert_eq!(
        first,
        format!("orders of shop/orders, from use1-a: {expected}")
    );
}

#[test]
fn a_request_goes_where_it_is_told_why() {
    // The mesh gives its data class by a claim, too: without a token it cannot be ruled out.
    let before = [
        "--time",
        "2026-11-30T00:00:00Z",
        "--claims",
        r#"{"scope": "none"}"#,
    ];
    let with = |more: &[&'static str]| [&before[..], more].concat();
    says(&with(&[]), "to use1-a, PREFERRED");
    says(&with(&["--out", "use1-a"]), "to use1-b, FAILED_OVER");
    let us_out = with(&["--out", "use1-a", "--out", "use1-b"]);
    says(&us_out, "to euw1-a, FAILED_OVER");
    let no_token = [&us_out[..2], &us_out[4..]].concat();
    says(&no_token, "503, RESIDENCY");
    let customer = [&us_out[..], &["--path", "/customers/7"]].concat();
    says(&customer, "503, RESIDENCY");
    says(&with(&["--out", "use1-a", "--hops", "1"]), "503, HOP_LIMIT");
    says(&["--time", "2026-12-01T12:00:00Z"], "to use1-b, DRAINED");
}

#[test]
fn shares_are_told_as_json() {
    let ran = route(&["--time", "2026-12-01T04:00:00Z", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let clusters = told["clusters"].as_array().unwrap();
    let shares: Vec<_> = clusters
        .iter()
        .map(|c| {
            (
                c["cluster"].as_str().unwrap(),
                c["share_percent"].as_f64().unwrap().round(),
            )
        })
        .collect();
    // Four of the ramp's ten hours.
    assert_eq!(
        shares,
        [("use1-a", 60.0), ("use1-b", 40.0), ("euw1-a", 0.0)]
    );
}

#[test]
fn what_makes_no_sense_is_told() {
    for (args, amiss) in [
        (["--out", "moon"], "`orders` does not run in `moon`"),
        (
            ["--host", "nobody"],
            "no policy routes the host `nobody` here",
        ),
    ] {
        let scene = Scene::new(&[("mesh.yaml", MESH), ("failover.yaml", FAILOVER)]);
        let files = ["route", "mesh.yaml", "failover.yaml", "--cluster", "use1-a"];
        let host: &[&str] = if args[0] == "--host" {
            &[]
        } else {
            &["--host", "orders.shop"]
        };
        let ran = scene.run(&[&files[..], host, &args[..]].concat());
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains(amiss), "{}", ran.stderr);
    }
    let malformed = route(&["--path", "/a%2Fb", "--json"]);
    assert!(
        malformed.stdout.contains("MALFORMED_PATH"),
        "{}",
        malformed.stdout
    );
}
