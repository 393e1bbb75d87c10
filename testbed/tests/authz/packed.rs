//! A set that would not fit a Kubernetes object is packed; the filter decides as if it were not.

use std::fmt::Write;
use std::time::Duration;

use landbridge_model::{Limits, packed};
use landbridge_testbed::{Call, Mesh, Side, Workload};

use crate::setup::{ALLOW_US, apply, apply_refused, config, frontend, only};

/// What one Kubernetes object holds, at about.
const OBJECT: usize = 1_500_000;

/// How long an Envoy may take that compiles a module and loads all this on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// As many policies, no two alike, and all of them about this proxy: each lets a workload of a team
/// in, to what another has.
fn policies(count: usize) -> String {
    let teams = ["shop", "payments", "search", "stock", "mail", "ledger"];
    let clusters = ["use1-a", "use1-b", "euw1-a"];
    let mut text = String::new();
    for i in 0..count {
        let (from, to) = (teams[i % 6], teams[(i / 6) % 6]);
        let cluster = clusters[i % 3];
        // A stranger to the next policy, as names in the wild are.
        let id = i.wrapping_mul(2_654_435_761) % 0x00ff_ffff;
        write!(
            text,
            "---
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {{name: {to}-from-{from}-{id:06x}-{i}, namespace: shop}}
spec:
  action: ALLOW
  rules:
  - name: {from}-{i}
    from: [{{source: {{clusters: [{cluster}], namespaces: [{from}-{i}], serviceAccounts: [{from}-{i}/{from}-{id:x}]}}}}]
    to: [{{operation: {{methods: [GET, POST], paths: ['/api/{to}/{id:x}/*', '/v{v}/{i}']}}}}]
",
            v = i % 9,
        )
        .unwrap();
    }
    text
}

/// The digest in force, and what the gauges say that it took.
async fn in_force(mesh: &Mesh) -> (String, f64, f64) {
    let stats = mesh.stats("use1-a", Side::Server).await.unwrap();
    let info = stats
        .find("landbridge_config_info", &[("filter", "authz")])
        .find(|s| s.value == 1.0)
        .map(|s| s.labels["digest"].clone());
    let gauge = |name: &str| stats.sum(name, &[("filter", "authz")]);
    (
        info.unwrap(),
        gauge("landbridge_config_load_milliseconds"),
        gauge("landbridge_config_memory_bytes"),
    )
}

#[tokio::test]
async fn ten_thousand_policies_packed_decide_as_they_do_unpacked() {
    let plain = config(&policies(10_000), r#"{"explain":"Always"}"#);
    let small = packed::pack(&plain);
    assert!(plain.len() > OBJECT, "{} would fit", plain.len());
    assert!(small.len() < OBJECT / 2, "{} bytes", small.len());
    let start = |config: &str| {
        let mesh = Mesh::builder("packed").clusters(only(&["use1-a", "euw1-a"]));
        mesh.clients(false)
            .server_concurrency(1)
            .ready_timeout(PATIENCE)
            .config(config)
            .start()
    };
    let unpacked = start(&plain).await.unwrap();
    let (digest, load, memory) = in_force(&unpacked).await;
    let mesh = start(&small).await.unwrap();
    let (packed_digest, packed_load, packed_memory) = in_force(&mesh).await;
    println!(
        "10,000 policies: {} bytes, {load} ms, {memory} bytes of memory; packed {} bytes, {packed_load} ms, {packed_memory} bytes",
        plain.len(),
        small.len(),
    );
    assert_eq!(digest, packed_digest);
    // What is unpacked stands beside the packed text, and is gone when it is loaded.
    let beside = (plain.len() + 3 * small.len() + (1 << 20)) as f64;
    assert!(
        packed_memory <= memory + beside,
        "{packed_memory}, not {memory}"
    );

    let mut verdicts = [0, 0];
    for i in (0..10_000).step_by(617) {
        let id = (i * 2_654_435_761_usize) % 0x00ff_ffff;
        let teams = ["shop", "payments", "search", "stock", "mail", "ledger"];
        let (from, to) = (teams[i % 6], teams[(i / 6) % 6]);
        let cluster = ["use1-a", "use1-b", "euw1-a"][i % 3];
        for path in [
            format!("/api/{to}/{id:x}/a"),
            format!("/api/{to}/{id:x}z/a"),
        ] {
            let caller = Workload::new(
                if cluster == "use1-b" {
                    "use1-a"
                } else {
                    cluster
                },
                &format!("{from}-{i}"),
                &format!("{from}-{id:x}"),
            );
            let call = || Call::get(&path).from(caller.clone()).to("use1-a");
            let (one, other) = (
                unpacked.call(call()).await.unwrap(),
                mesh.call(call()).await.unwrap(),
            );
            assert_eq!(one.status, other.status, "{path}");
            let why = "x-landbridge-decision";
            assert_eq!(one.header(why), other.header(why), "{path}");
            verdicts[usize::from(one.status == 200)] += 1;
        }
    }
    assert!(verdicts[0] > 10 && verdicts[1] > 5, "{verdicts:?}");
}

#[tokio::test]
async fn a_damaged_update_is_refused_and_the_last_good_one_holds() {
    let good = config(ALLOW_US, "{}");
    let mesh = Mesh::builder("damaged").clusters(only(&["use1-a", "euw1-a"]));
    let mesh = mesh
        .clients(false)
        .ready_timeout(PATIENCE)
        .config(packed::pack(&good))
        .start()
        .await
        .unwrap();
    let (digest, ..) = in_force(&mesh).await;
    let next = packed::pack(&config(&ALLOW_US.replace("[US]", "[EU]"), "{}"));
    let size = packed::unpack(next.as_bytes(), &Limits::default())
        .unwrap()
        .len();
    let stated = |size: usize| format!("\"size\":{size},");
    let at = next.find("\"data\":\"").unwrap() + 40;
    let mut flipped = next.clone().into_bytes();
    flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
    for (damaged, code) in [
        (String::from_utf8(flipped).unwrap(), "LB0004"),
        (next.replace("sha256:", "sha256:0"), "LB0004"),
        (next.replace(&stated(size), &stated(size - 1)), "LB0004"),
        (next.replace("deflate+base64", "zstd+base64"), "LB0004"),
        (packed::pack(&next), "LB0004"),
        (next.replace(&stated(size), &stated(9 << 20)), "LB0404"),
        (
            packed::pack(&format!("{good}{}", " ".repeat(9 << 20))),
            "LB0404",
        ),
    ] {
        assert_ne!(damaged, next);
        apply_refused(&mesh, "use1-a", &damaged).await;
        let log = mesh.envoy_log("use1-a", Side::Server).unwrap();
        assert!(
            log.contains(&format!("[{code}]")),
            "{code} is not in the log"
        );
        assert_eq!(in_force(&mesh).await.0, digest);
        for (cluster, status) in [("use1-a", 200), ("euw1-a", 403)] {
            let call = Call::get("/").from(frontend(cluster)).to("use1-a");
            assert_eq!(mesh.call(call).await.unwrap().status, status);
        }
    }
    apply(&mesh, "use1-a", &next).await;
    assert_ne!(in_force(&mesh).await.0, digest);
    let call = Call::get("/").from(frontend("euw1-a")).to("use1-a");
    assert_eq!(mesh.call(call).await.unwrap().status, 200);
}
