//! Addresses that a caller says it comes from.

use landbridge_testbed::Filter;

use crate::judge::{Echo, Wanted, by_design, refused, sent};
use crate::request::Request;
use crate::scene::{Case, Scene, allow, case, deny};

/// Headers that proxies and servers take addresses from.
const NAMES: &[&str] = &[
    "x-forwarded-for",
    "x-envoy-external-address",
    "x-envoy-original-dst-host",
    "x-real-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "landbridge.source_ip",
];

async fn scene(name: &str) -> Scene {
    let filters = [Filter::peer_issuer(), Filter::wasm("authz").unwrap()];
    Scene::with(name, |mesh| mesh.filters(filters)).await
}

/// What a header says counts for nobody who asks for the connection's own address.
#[tokio::test]
async fn a_header_does_not_say_where_a_connection_comes_from() {
    let never: fn(&Echo) -> bool = |_| false;
    let mut scene = scene("bypass-addresses").await;
    let own = scene.mesh.ip("use1-a").unwrap().to_string();
    let of = |says: &str, wanted: Wanted| -> Vec<Case> {
        let mut cases = vec![case("no header", Request::get("/"), wanted)];
        for name in NAMES {
            cases.push(case(*name, Request::get("/").with(name, says), wanted));
            let twice = Request::get("/").with(name, says).with(name, says);
            cases.push(case(format!("{name}, twice"), twice, wanted));
        }
        let forwarded = format!("for={says};proto=https");
        let forwarded = Request::get("/").with("forwarded", forwarded);
        cases.push(case("forwarded", forwarded, wanted));
        cases
    };
    let blocks =
        |field: &str, block: &str| format!("{{from: [{{source: {{{field}: ['{block}']}}}}]}}");
    let tried = [
        (
            allow(&blocks("ipBlocks", "10.0.0.0/8")),
            "10.0.0.1",
            refused(403),
        ),
        (allow(&blocks("ipBlocks", &own)), "10.0.0.1", sent("/")),
        (deny(&blocks("ipBlocks", &own)), "10.0.0.1", refused(403)),
        (
            deny(&blocks("notIpBlocks", "10.0.0.0/8")),
            "10.0.0.1",
            refused(403),
        ),
        (
            allow(&blocks("notIpBlocks", &own)),
            "10.0.0.1",
            refused(403),
        ),
    ];
    for (policy, says, wanted) in tried {
        scene.try_all(&policy, &of(says, wanted), never).await;
    }
    scene.end().await;
}

/// A sidecar is not told which proxies are in front of it, and so its Envoy believes the last
/// address of `x-forwarded-for`, whoever wrote it.
#[tokio::test]
async fn remote_addresses_are_what_envoy_believes_and_a_sidecars_believes_its_caller() {
    let always: fn(&Echo) -> bool = |_| true;
    let mut scene = scene("bypass-remote").await;
    let own = scene.mesh.ip("use1-a").unwrap().to_string();
    let blocks = |block: &str| format!("{{from: [{{source: {{remoteIpBlocks: ['{block}']}}}}]}}");
    let end = |is_let_in: bool| match is_let_in {
        true => by_design("/"),
        false => refused(403),
    };
    // Values, and whether they are taken for an address of `10.0.0.0/8`, and for none: then the
    // address is that of the connection.
    let rows: &[(&[&str], bool, bool)] = &[
        (&["10.0.0.1"], true, false),
        (&["192.0.2.1, 10.0.0.1"], true, false),
        (&["10.0.0.1, 192.0.2.1"], false, false),
        (&["10.0.0.1", "192.0.2.1"], false, false),
        (&["192.0.2.1", "10.0.0.1"], true, false),
        (&["::ffff:10.0.0.1"], true, false),
        (&["2001:db8::1"], false, false),
        (&["10.0.0.1,192.0.2.1,"], false, true),
        (&["10.0.0.1:80"], false, true),
        (&["[10.0.0.1]"], false, true),
        (&["010.0.0.1"], false, true),
        (&["10.1"], false, true),
        (&["167772161"], false, true),
        (&["unknown"], false, true),
        (&[""], false, true),
        (&[], false, true),
    ];
    let cases = |is_let_in: fn(bool, bool) -> bool| -> Vec<Case> {
        let forwarded = rows.iter().map(|(values, is_inside, is_own)| {
            let request = values.iter().fold(Request::get("/"), |request, value| {
                request.with("x-forwarded-for", value)
            });
            let wanted = end(is_let_in(*is_inside, *is_own));
            case(format!("x-forwarded-for: {values:?}"), request, wanted)
        });
        let others = NAMES.iter().filter(|name| **name != "x-forwarded-for");
        let others = others.map(|name| {
            let request = Request::get("/").with(name, "10.0.0.1");
            case(*name, request, end(is_let_in(false, true)))
        });
        forwarded.chain(others).collect()
    };
    for (policy, is_let_in) in [
        (
            allow(&blocks("10.0.0.0/8")),
            (|is_inside, _| is_inside) as fn(bool, bool) -> bool,
        ),
        (deny(&blocks("10.0.0.0/8")), |is_inside, _| !is_inside),
        (allow(&blocks(&own)), |_, is_own| is_own),
        (deny(&blocks(&own)), |_, is_own| !is_own),
    ] {
        scene.try_all(&policy, &cases(is_let_in), always).await;
    }
    scene.end().await;
}
