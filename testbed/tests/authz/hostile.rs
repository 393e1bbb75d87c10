//! Hostile requests get a defined answer each, and Envoy and its workers stay up.
//!
//! What Envoy's own codecs refuse never reaches the filter; it is here all the same, so that a
//! change of Envoy's mind is noticed.

use landbridge_testbed::{Call, Mesh, RawOutcome, RawStream, Side};

use crate::setup::{config, frontend, only};

/// Reads `x-tenant` and lets `/public/*` be read by anyone with a certificate, and everything by
/// tenant `gold`.
const POLICIES: &str = "
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: public, namespace: shop}
spec:
  rules:
  - name: public
    from: [{source: {principals: ['*']}}]
    to: [{operation: {paths: [/public/*], hosts: [orders.shop]}}]
  - name: gold
    from: [{source: {clusters: [use1-a]}}]
    when: [{key: 'request.headers[x-tenant]', values: [gold]}]
";

async fn mesh(name: &str) -> Mesh {
    let mesh = Mesh::builder(name)
        .clusters(only(&["use1-a"]))
        .clients(false)
        .server_concurrency(2);
    mesh.config(config(POLICIES, "{}")).start().await.unwrap()
}

async fn raw(mesh: &Mesh, bytes: &[u8]) -> Option<u16> {
    let from = frontend("use1-a");
    let outcome = mesh.raw_http1("use1-a", from, bytes).await;
    outcome.unwrap().status()
}

fn get(path: &[u8], headers: &[u8]) -> Vec<u8> {
    [
        b"GET ",
        path,
        b" HTTP/1.1\r\nhost: orders.shop\r\n",
        headers,
        b"connection: close\r\n\r\n",
    ]
    .concat()
}

#[tokio::test]
async fn each_hostile_request_gets_its_answer() {
    let mesh = mesh("hostile").await;
    let many: Vec<u8> = (0..1000)
        .flat_map(|i| format!("x-{i}: 1\r\n").into_bytes())
        .collect();
    let long = |n: usize| [b"/public/".as_slice(), &vec![b'a'; n]].concat();
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("a path that is fine", get(b"/public/a", b""), 200),
        ("a path of 64 KiB is too much for Envoy", get(&long(65536), b""), 431),
        ("a path of 9 KiB is too much for the filter", get(&long(9000), b""), 400),
        ("NUL in the path", get(b"/public/\0a", b""), 400),
        ("an escaped NUL", get(b"/public/%00a", b""), 400),
        ("an escaped slash", get(b"/public/%2Fa", b""), 400),
        ("an escaped backslash", get(b"/public/%5ca", b""), 400),
        ("a broken escape", get(b"/public/%a", b""), 400),
        ("dot segments that lead out", get(b"/public/../secret", b""), 403),
        ("escaped dot segments that lead out", get(b"/public/%2e%2E/secret", b""), 403),
        ("backslashes that lead out", get(b"/public\\..\\secret", b""), 403),
        ("dot segments that lead in", get(b"/secret/../public/a", b""), 200),
        ("a fragment", get(b"/public/a#b", b""), 400),
        ("a header that a policy reads, not UTF-8", get(b"/secret", b"x-tenant: \xff\xfe\r\n"), 400),
        ("a header that no policy reads, not UTF-8", get(b"/public/a", b"x-other: \xff\xfe\r\n"), 200),
        ("a header that a policy reads, once", get(b"/secret", b"x-tenant: gold\r\n"), 200),
        ("a header that a policy reads, twice", get(b"/secret", b"x-tenant: gold\r\nx-tenant: bronze\r\n"), 400),
        ("the same in another case", get(b"/secret", b"x-tenant: bronze\r\nX-Tenant: gold\r\n"), 400),
        ("a name with an underscore may be the same to the upstream", get(b"/secret", b"x_tenant: gold\r\n"), 400),
        ("1,000 headers are too many for Envoy", get(b"/public/a", &many), 431),
        ("no host", b"GET /public/a HTTP/1.1\r\nconnection: close\r\n\r\n".to_vec(), 400),
        ("an empty host", b"GET /public/a HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n".to_vec(), 403),
        (
            "user information in the host",
            b"GET /public/a HTTP/1.1\r\nhost: orders.shop@evil.example\r\nconnection: close\r\n\r\n".to_vec(),
            400,
        ),
        (
            "an absolute URI is judged by its own host",
            b"GET http://evil.example/public/a HTTP/1.1\r\nhost: orders.shop\r\nconnection: close\r\n\r\n".to_vec(),
            403,
        ),
        ("the server as a whole has no route in Envoy", b"OPTIONS * HTTP/1.1\r\nhost: orders.shop\r\nconnection: close\r\n\r\n".to_vec(), 404),
        ("a method in lower case is another method", b"get /secret HTTP/1.1\r\nhost: orders.shop\r\nconnection: close\r\n\r\n".to_vec(), 400),
        ("what is not HTTP", b"\x16\x03\x01\x02\x00nonsense\r\n\r\n".to_vec(), 400),
    ];
    let mut failures = Vec::new();
    for (name, bytes, wanted) in &cases {
        let got = raw(&mesh, bytes).await;
        if got != Some(*wanted) {
            failures.push(format!("{name}: got {got:?}, wants {wanted}"));
        }
        assert!(
            mesh.is_alive("use1-a", Side::Server).unwrap(),
            "Envoy is gone after: {name}"
        );
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // No worker panicked: such a one answers 503 to everything.
    for _ in 0..32 {
        assert_eq!(raw(&mesh, &get(b"/public/after", b"")).await, Some(200));
    }
    let log = mesh.envoy_log("use1-a", Side::Server).unwrap();
    assert!(
        !log.contains("panicked") && !log.contains("[critical]"),
        "{log}"
    );
}

type Fields<'a> = Vec<(&'a [u8], &'a [u8])>;

/// Sends one request in HTTP/2.
async fn http2(mesh: &Mesh, fields: &[(&[u8], &[u8])]) -> RawOutcome {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    let request = RawStream {
        fields: fields.collect(),
        ..RawStream::default()
    };
    let from = frontend("use1-a");
    mesh.raw_http2("use1-a", from, &request).await.unwrap()
}

#[tokio::test]
async fn each_hostile_request_in_http2_gets_its_answer() {
    let mesh = mesh("hostile-h2").await;
    let base: [(&[u8], &[u8]); 3] = [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", b"orders.shop"),
    ];
    let with = |more: &[(&'static [u8], &'static [u8])]| [&base[..], more].concat();
    const PATH: &[u8] = b":path";
    let answered: Vec<(&str, Fields<'_>, u16)> = vec![
        ("a path that is fine", with(&[(PATH, b"/public/a")]), 200),
        ("an escaped slash", with(&[(PATH, b"/public%2Fa")]), 400),
        (
            "dot segments that lead out",
            with(&[(PATH, b"/public/../secret")]),
            403,
        ),
        (
            "a header that a policy reads, twice",
            with(&[
                (PATH, b"/secret"),
                (b"x-tenant", b"gold"),
                (b"x-tenant", b"gold"),
            ]),
            400,
        ),
        (
            "a header that a policy reads, not UTF-8",
            with(&[(PATH, b"/secret"), (b"x-tenant", b"\xff")]),
            400,
        ),
    ];
    let mut failures = Vec::new();
    for (name, fields, wanted) in answered {
        let outcome = http2(&mesh, &fields).await;
        if outcome.status() != Some(wanted) {
            failures.push(format!("{name}: wants {wanted}, got {outcome:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // What the codec refuses: it resets the stream, says GOAWAY, or just closes.
    let served = mesh.upstream("use1-a").requests();
    let refused: Vec<(&str, Fields<'_>)> = vec![
        (
            "no authority",
            vec![
                (b":method", b"GET"),
                (b":scheme", b"https"),
                (PATH, b"/public/a"),
            ],
        ),
        ("NUL in the path", with(&[(PATH, b"/public/\0")])),
        (
            "two paths",
            with(&[(PATH, b"/public/a"), (PATH, b"/secret")]),
        ),
        (
            "a name in upper case",
            with(&[(PATH, b"/public/a"), (b"X-Tenant", b"gold")]),
        ),
        (
            "a name that is not UTF-8",
            with(&[(PATH, b"/public/a"), (b"x-\xff", b"1")]),
        ),
        (
            "an unknown pseudo-header",
            with(&[(PATH, b"/public/a"), (b":tenant", b"gold")]),
        ),
        ("a path that is empty", with(&[(PATH, b"")])),
    ];
    for (name, fields) in refused {
        let outcome = http2(&mesh, &fields).await;
        assert_eq!(outcome, RawOutcome::Ended, "{name}");
        assert_eq!(mesh.upstream("use1-a").requests(), served, "{name}");
        assert!(
            mesh.is_alive("use1-a", Side::Server).unwrap(),
            "Envoy is gone after: {name}"
        );
    }
    for _ in 0..32 {
        let call = Call::get("/public/after")
            .host("orders.shop")
            .from(frontend("use1-a"))
            .to("use1-a");
        assert_eq!(mesh.call(call.http2()).await.unwrap().status, 200);
    }
    let log = mesh.envoy_log("use1-a", Side::Server).unwrap();
    assert!(
        !log.contains("panicked") && !log.contains("[critical]"),
        "{log}"
    );
}
