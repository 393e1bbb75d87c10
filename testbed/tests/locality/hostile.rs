//! "Whoever sends the header chooses the cluster", and "one broken policy took the proxy down".

use landbridge_testbed::{Call, Delivery, Failure, Mesh, RawOutcome};
use serde_json::json;

use crate::known::{apply, deliver, is_unharmed, served};
use crate::setup::{config_of, get, mesh, post, quick, received, s};

async fn raw(mesh: &Mesh, headers: &[u8]) -> Option<u16> {
    let head = b"GET /raw HTTP/1.1\r\nhost: orders.shop.svc.cluster.local\r\n";
    let bytes = [head, headers, b"connection: close\r\n\r\n"].concat();
    let outcome = mesh.raw_http1_as(&get("use1-a", "/"), &bytes).await;
    outcome.unwrap_or(RawOutcome::Ended).status()
}

/// Headers by which a caller would choose.
fn forged() -> Vec<Call> {
    let call = || get("use1-a", "/forged").header("x-testbed-label", "forged");
    let mut forged = vec![
        call()
            .header("x-landbridge-cluster", "use1-b")
            .header("x-landbridge-cluster", "euw1-a"),
        call().header("x-landbridge-cluster", b"\xff\xfe"),
        call().header("x-landbridge-cluster", vec![b'a'; 20_000]),
        call()
            .header("x-landbridge-hops", "1")
            .header("x-landbridge-hops", "99"),
        post("use1-a", "/forged")
            .header("x-testbed-label", "forged")
            .header("x-landbridge-cluster", "use1-b"),
    ];
    for name in [
        "x-landbridge-cluster",
        "x_landbridge_cluster",
        "x-landbridge_cluster",
    ] {
        for value in [
            "use1-b",
            "euw1-a",
            "",
            "*",
            "use1-a,use1-b",
            "no-such",
            "outbound|8080||x",
        ] {
            forged.push(call().header(name, value));
        }
    }
    for value in ["99999999999", "-1", "0x7", "", "2", "4294967295", " 1 1"] {
        forged.push(call().header("x-landbridge-hops", value));
    }
    forged.push((0..80).fold(call(), |call, i| {
        call.header(format!("x-landbridge-{i}"), "1")
    }));
    let http2: Vec<Call> = forged.iter().map(|call| call.clone().http2()).collect();
    forged.extend(http2);
    forged
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_headers_choose_nothing_and_break_nothing() {
    let always = config_of(quick(), json!({"explain": "Always"}));
    let mesh = mesh("hostile", &always)
        .client_concurrency(2)
        .start()
        .await
        .unwrap();
    let load = mesh.load(get("use1-a", "/steady"), 100.0, None).unwrap();
    for call in forged() {
        let reply = mesh.call(call.clone()).await.unwrap();
        assert_eq!(served(&reply), "use1-a", "{call:?}");
        assert_eq!(
            reply.received("x-landbridge-cluster"),
            ["use1-a"],
            "{call:?}"
        );
        let echo = reply.json();
        let names = echo["headers"].as_array().unwrap().iter();
        let own = names.filter(|pair| {
            pair[0]
                .as_str()
                .unwrap()
                .replace('_', "-")
                .starts_with("x-landbridge-")
        });
        assert_eq!(own.count(), 1, "{call:?}");
    }
    let many: Vec<u8> = (0..500)
        .flat_map(|i| format!("x-{i}: 1\r\n").into_bytes())
        .collect();
    let own: Vec<u8> = (0..90)
        .flat_map(|_| b"x-landbridge-cluster: use1-b\r\n".to_vec())
        .collect();
    let long = |size: usize| [b"x-long: ".as_slice(), &vec![b'a'; size], b"\r\n"].concat();
    let cases: [(&str, Vec<u8>, u16); 8] = [
        ("500 headers are too many for Envoy", many, 431),
        ("90 of our own", own, 200),
        ("a long value", long(50_000), 200),
        ("a value of 60 KiB is too long for Envoy", long(61_440), 431),
        (
            "a value that is not UTF-8",
            b"x-odd: \xff\xfe\r\n".to_vec(),
            200,
        ),
        ("a value with NUL", b"x-odd: a\0b\r\n".to_vec(), 400),
        (
            "our own in capitals",
            b"X-LANDBRIDGE-CLUSTER: use1-b\r\n".to_vec(),
            200,
        ),
        ("a name that is not UTF-8", b"x-\xff: 1\r\n".to_vec(), 400),
    ];
    for (what, headers, status) in cases {
        assert_eq!(raw(&mesh, &headers).await, Some(status), "{what}");
    }
    for cluster in ["use1-b", "euw1-a"] {
        assert_eq!(received(&mesh, cluster, "forged"), 0, "{cluster}");
        let probes_only = mesh.upstream(cluster).seen();
        assert!(
            probes_only.iter().all(|seen| seen.path == "/healthz"),
            "{cluster}"
        );
    }
    let report = load.stop().await;
    assert_eq!(report.failures().count(), 0, "{:?}", report.outcomes());
    is_unharmed(&mesh, &get("use1-a", "/")).await;

    // What they say of hops does not keep them from being tried elsewhere; and what cannot be sent
    // again takes no cluster out that is well.
    mesh.upstream("use1-a").set_failure(Failure::Reset);
    for _ in 0..15 {
        let odd = get("use1-a", "/odd").header("x-odd", b"\xff\xfe");
        mesh.call(odd).await.unwrap();
    }
    for value in ["99999999999", "-1", "2"] {
        let call = get("use1-a", "/hops").header("x-landbridge-hops", value);
        assert_eq!(served(&mesh.call(call).await.unwrap()), "use1-b", "{value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_workload_chooses_what_is_lawful_and_broken_policies_change_nothing() {
    let trusting = config_of(
        quick(),
        json!({"trustOwnWorkload": true, "explain": "Trusted"}),
    );
    let mesh = mesh("trusted", &trusting).start().await.unwrap();
    let chosen = async |class: &str, headers: &[(&str, &[u8])]| {
        let call = get("use1-a", "/chosen").header("x-data", class);
        let call = headers
            .iter()
            .fold(call, |call, (name, value)| call.header(*name, value));
        served(&mesh.call(call).await.unwrap())
    };
    const CLUSTER: &str = "x-landbridge-cluster";
    const HOPS: &str = "x-landbridge-hops";
    type Case = (
        &'static str,
        Vec<(&'static str, &'static [u8])>,
        &'static str,
    );
    let cases: Vec<Case> = vec![
        ("any", vec![], "use1-a"),
        ("any", vec![(CLUSTER, b"use1-b")], "use1-b"),
        ("any", vec![(CLUSTER, b"euw1-a")], "euw1-a"),
        ("any", vec![(CLUSTER, b"no-such")], "use1-a"),
        ("any", vec![(CLUSTER, b"use1-b,euw1-a")], "use1-a"),
        ("any", vec![(CLUSTER, b"\xff")], "use1-a"),
        ("eu", vec![(CLUSTER, b"use1-b")], "euw1-a"),
        (
            "eu",
            vec![(CLUSTER, b"use1-a"), (CLUSTER, b"use1-b")],
            "euw1-a",
        ),
        ("any", vec![(CLUSTER, b"use1-b"), (HOPS, b"1")], "use1-b"),
        ("any", vec![(CLUSTER, b"use1-b"), (HOPS, b"2")], "use1-a"),
        (
            "any",
            vec![(CLUSTER, b"use1-b"), (HOPS, b"99999999999")],
            "use1-a",
        ),
        ("any", vec![(CLUSTER, b"use1-b"), (HOPS, b"-1")], "use1-a"),
        ("any", vec![(CLUSTER, b"use1-b"), (HOPS, b"\xff")], "use1-a"),
    ];
    for (class, headers, cluster) in &cases {
        assert_eq!(
            chosen(class, headers).await,
            *cluster,
            "{class} {headers:?}"
        );
    }

    let unknown = {
        let mut spec = quick();
        spec["services"] = json!([{
            "name": "orders", "hosts": ["orders.shop.svc.cluster.local"], "port": 8080,
            "clusters": ["use1-a", "no-such"],
        }]);
        config_of(spec, json!({}))
    };
    let foreign = trusting.replace("\"LocalityFailover\"", "\"CrossClusterAuthorization\"");
    let padding = format!("\"{}\":0,", "x".repeat(10 << 20));
    let broken = [
        ("no JSON", "{".to_owned()),
        ("nothing", String::new()),
        ("no object", "null".to_owned()),
        ("10 MB", trusting.replacen('{', &format!("{{{padding}"), 1)),
        (
            "10 MB of spaces",
            format!("{trusting}{}", " ".repeat(10 << 20)),
        ),
        ("deep", "[".repeat(100_000)),
        ("a cluster that there is not", unknown),
        ("another kind", foreign),
        (
            "a field that there is not",
            trusting.replace("\"failback\"", "\"fallback\""),
        ),
    ];
    let load = mesh.load(get("use1-a", "/steady"), 100.0, None).unwrap();
    for (what, config) in broken {
        assert_eq!(deliver(&mesh, &config).await, Delivery::Rejected, "{what}");
    }
    for (class, headers, cluster) in &cases {
        assert_eq!(
            chosen(class, headers).await,
            *cluster,
            "{class} {headers:?}"
        );
    }
    apply(&mesh, &config_of(quick(), json!({}))).await;
    let report = load.stop().await;
    assert_eq!(report.failures().count(), 0, "{:?}", report.outcomes());
    assert!(report.percentile(99.0) < s(1.0));
    assert_eq!(chosen("any", &[(CLUSTER, b"use1-b")]).await, "use1-a");
    is_unharmed(&mesh, &get("use1-a", "/")).await;
}
