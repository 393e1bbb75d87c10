//! gRPC methods are paths: `/package.Service/Method`, and servers take them letter by letter.

use crate::judge::End::Untried;
use crate::judge::{Echo, by_design, refused, sent};
use crate::judge::{Wanted, both};
use crate::request::Request;
use crate::scene::{Case, Scene, allow, case, deny};

const fn http2(wanted: Wanted) -> Wanted {
    Wanted {
        http1: Untried,
        ..wanted
    }
}

/// A path, what comes of it where `/shop.Admin/Drop` is denied, and what where only
/// `/shop.Orders/*` is allowed. A refusal is HTTP 200 with a gRPC status: here it is told from an
/// answer by the upstream, which hears nothing.
type Row = (&'static str, &'static str, Wanted, Wanted);

const ROWS: &[Row] = &[
    (
        "the denied method",
        "/shop.Admin/Drop",
        refused(200),
        refused(200),
    ),
    (
        "repeated slashes",
        "/shop.Admin//Drop",
        refused(200),
        refused(200),
    ),
    (
        "repeated slashes in front",
        "//shop.Admin/Drop",
        refused(200),
        refused(200),
    ),
    (
        "dot segments",
        "/shop.Orders/../shop.Admin/Drop",
        refused(200),
        refused(200),
    ),
    ("a dot", "/shop.Admin/./Drop", refused(200), refused(200)),
    (
        "an escaped letter",
        "/shop.Admin/%44rop",
        refused(200),
        refused(200),
    ),
    (
        "an escaped dot",
        "/shop%2EAdmin/Drop",
        refused(200),
        refused(200),
    ),
    (
        "an escaped slash",
        "/shop.Admin%2FDrop",
        refused(200),
        refused(200),
    ),
    ("a query", "/shop.Admin/Drop?x", refused(200), refused(200)),
    ("%00", "/shop.Admin/Drop%00", refused(200), refused(200)),
    (
        "a trailing slash is another path",
        "/shop.Admin/Drop/",
        by_design("/shop.Admin/Drop/"),
        refused(200),
    ),
    (
        "`;` parameters are another path",
        "/shop.Admin/Drop;x",
        by_design("/shop.Admin/Drop;x"),
        refused(200),
    ),
    (
        "another case is another method",
        "/shop.admin/drop",
        by_design("/shop.admin/drop"),
        refused(200),
    ),
    (
        "a trailing dot is another method",
        "/shop.Admin/Drop.",
        sent("/shop.Admin/Drop."),
        refused(200),
    ),
    (
        "a method that is allowed",
        "/shop.Orders/List",
        sent("/shop.Orders/List"),
        sent("/shop.Orders/List"),
    ),
    (
        "dots in front of a name are a name",
        "/shop.Orders/..List",
        sent("/shop.Orders/..List"),
        sent("/shop.Orders/..List"),
    ),
    (
        "a service of which it is a part",
        "/my.shop.Admin/Drop",
        sent("/my.shop.Admin/Drop"),
        refused(200),
    ),
];

fn cases(outcome: impl Fn(&Row) -> Wanted) -> Vec<Case> {
    let request = |path| {
        Request::new("POST", path)
            .with("content-type", "application/grpc")
            .with("te", "trailers")
    };
    ROWS.iter()
        .map(|row| case(row.0, request(row.1), http2(outcome(row))))
        .collect()
}

fn is_drop(echo: &Echo) -> bool {
    crate::judge::lenient(echo.path()) == "/shop.admin/drop"
}

fn is_not_orders(echo: &Echo) -> bool {
    !crate::judge::lenient(echo.path()).starts_with("/shop.orders/")
}

#[tokio::test]
async fn a_grpc_method_means_one_method() {
    let mut scene = Scene::new("bypass-grpc").await;
    let denies = deny("{to: [{operation: {paths: [/shop.Admin/Drop]}}]}");
    scene.try_all(&denies, &cases(|row| row.2), is_drop).await;
    let allows = allow("{to: [{operation: {paths: [/shop.Orders/*]}}]}");
    scene
        .try_all(&allows, &cases(|row| row.3), is_not_orders)
        .await;
    // Over HTTP/1.1 a content type does not make it something else.
    let request = Request::new("POST", "/shop.Orders/..//shop.Admin/Drop")
        .with("content-type", "application/grpc");
    let wanted = Wanted {
        http2: Untried,
        ..both(crate::judge::End::Refused(200))
    };
    scene
        .try_all(&denies, &[case("HTTP/1.1", request, wanted)], is_drop)
        .await;
    scene.end().await;
}
