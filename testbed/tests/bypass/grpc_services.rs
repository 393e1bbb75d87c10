//! gRPC by its services and methods: a path says them, and nothing else does.

use crate::judge::End::{ByDesign, Cut, Refused, Sent, Untried};
use crate::judge::{Echo, End, both, lenient, refused, sent};
use crate::request::Request;
use crate::scene::{Case, Scene, allow, case, deny};

/// A path, and what comes of it where the service `shop.Admin` is denied, where its method `Drop`
/// is, and where only the service `shop.Orders` is allowed. A refusal is HTTP 200 with a gRPC
/// status, whatever it was for, and the upstream hears nothing.
type Row = (&'static str, &'static str, End, End, End);

const NO: End = Refused(200);

/// Refused by each.
const fn denied(weakness: &'static str, path: &'static str) -> Row {
    (weakness, path, NO, NO, NO)
}

/// Of the denied service, and not the denied method.
const fn of_service(weakness: &'static str, path: &'static str, method: End) -> Row {
    (weakness, path, NO, method, NO)
}

/// Neither denied nor allowed.
const fn another(weakness: &'static str, path: &'static str, end: End) -> Row {
    (weakness, path, end, end, NO)
}

/// Allowed, and sent on so.
const fn allowed(weakness: &'static str, path: &'static str, to: &'static str) -> Row {
    (weakness, path, Sent(to), Sent(to), Sent(to))
}

const ROWS: &[Row] = &[
    denied("the denied method", "/shop.Admin/Drop"),
    of_service(
        "another method",
        "/shop.Admin/List",
        Sent("/shop.Admin/List"),
    ),
    denied("CVE-2021-31920: repeated slashes", "/shop.Admin//Drop"),
    denied("CVE-2021-31920: in front", "//shop.Admin/Drop"),
    denied("a trailing slash", "/shop.Admin/Drop/"),
    denied("trailing slashes", "/shop.Admin/Drop//"),
    denied("an escaped slash", "/shop.Admin%2FDrop"),
    denied("an escaped slash behind", "/shop.Admin/Drop%2F"),
    denied("dot segments", "/shop.Orders/../shop.Admin/Drop"),
    denied("a dot behind", "/shop.Admin/Drop/."),
    denied("a backslash", "/shop.Admin\\Drop"),
    denied("an escaped letter of the method", "/shop.Admin/%44rop"),
    denied("an escaped letter of the service", "/shop.%41dmin/Drop"),
    denied("an escaped dot", "/shop%2EAdmin/Drop"),
    denied("a query", "/shop.Admin/Drop?x"),
    denied("an empty query", "/shop.Admin/Drop?"),
    denied("a fragment", "/shop.Admin/Drop#x"),
    denied("%00", "/shop.Admin/Drop%00"),
    (
        "CVE-2026-33186: no slash in front",
        "shop.Admin/Drop",
        Cut,
        Cut,
        Cut,
    ),
    of_service(
        "`;` parameters are part of the method",
        "/shop.Admin/Drop;x",
        ByDesign("/shop.Admin/Drop;x"),
    ),
    another(
        "`;` parameters are part of the service",
        "/shop.Admin;x/Drop",
        ByDesign("/shop.Admin;x/Drop"),
    ),
    another(
        "case of the service",
        "/SHOP.admin/Drop",
        ByDesign("/SHOP.admin/Drop"),
    ),
    of_service(
        "case of the method",
        "/shop.Admin/drop",
        ByDesign("/shop.Admin/drop"),
    ),
    of_service(
        "double encoding of the method",
        "/shop.Admin/%2544rop",
        ByDesign("/shop.Admin/%2544rop"),
    ),
    another(
        "a prefix in front, as for gRPC-Web and Connect",
        "/api/shop.Admin/Drop",
        ByDesign("/api/shop.Admin/Drop"),
    ),
    of_service(
        "a trailing dot is another method",
        "/shop.Admin/Drop.",
        Sent("/shop.Admin/Drop."),
    ),
    another(
        "a service of which it is a part",
        "/my.shop.Admin/Drop",
        Sent("/my.shop.Admin/Drop"),
    ),
    another("no method", "/shop.Admin", Sent("/shop.Admin")),
    another(
        "three segments",
        "/shop.Admin/Drop/x",
        Sent("/shop.Admin/Drop/x"),
    ),
    allowed("what is allowed", "/shop.Orders/List", "/shop.Orders/List"),
    allowed("and merged", "/shop.Orders//List", "/shop.Orders/List"),
    allowed(
        "dots are a name",
        "/shop.Orders/..List",
        "/shop.Orders/..List",
    ),
    another(
        "a trailing slash behind what is allowed",
        "/shop.Orders/List/",
        Sent("/shop.Orders/List/"),
    ),
    another(
        "`;` parameters on the service that is allowed",
        "/shop.Orders;x/List",
        Sent("/shop.Orders;x/List"),
    ),
    another(
        "a method of two segments",
        "/shop.Orders/List/x",
        Sent("/shop.Orders/List/x"),
    ),
];

fn cases(outcome: impl Fn(&Row) -> End) -> Vec<Case> {
    let request = |path| {
        Request::new("POST", path)
            .with("content-type", "application/grpc")
            .with("te", "trailers")
    };
    let wanted = |row: &Row| crate::judge::per(Untried, outcome(row));
    ROWS.iter()
        .map(|row| case(row.0, request(row.1), wanted(row)))
        .collect()
}

fn is_drop(echo: &Echo) -> bool {
    lenient(echo.path()).ends_with("/shop.admin/drop")
}

fn is_not_orders(echo: &Echo) -> bool {
    !lenient(echo.path()).starts_with("/shop.orders/")
}

fn services(names: &str) -> String {
    format!("{{to: [{{operation: {{grpcServices: [{names}]}}}}]}}")
}

#[tokio::test]
async fn a_grpc_service_is_known_by_its_path() {
    let mut scene = Scene::new("bypass-grpc-services").await;
    let denies = deny(&services("shop.Admin"));
    scene.try_all(&denies, &cases(|row| row.2), is_drop).await;
    let denies = deny(&services("shop.Admin/Drop"));
    scene.try_all(&denies, &cases(|row| row.3), is_drop).await;
    let allows = allow(&services("shop.Orders"));
    scene
        .try_all(&allows, &cases(|row| row.4), is_not_orders)
        .await;
    scene.end().await;
}

/// Where slashes are left as they are, an upstream may still merge them: what it would find cannot
/// be ruled out.
#[tokio::test]
async fn a_grpc_service_behind_slashes_that_nobody_merged_cannot_be_ruled_out() {
    let mut scene = Scene::without_normalize_path("bypass-grpc-slashes").await;
    let options = r#"{"pathNormalization": "NONE"}"#;
    let cases: Vec<Case> = [
        "/shop.Admin//Drop",
        "//shop.Admin/Drop",
        "/shop.Admin/Drop/",
        "//shop.Admin///Drop//",
    ]
    .map(|path| case(path, Request::new("POST", path), refused(403)))
    .into();
    let denies = deny(&services("shop.Admin"));
    scene.try_with(&denies, options, &cases, is_drop).await;
    let another = [case(
        "another service",
        Request::new("POST", "/shop.Orders/List/"),
        sent("/shop.Orders/List/"),
    )];
    scene.try_with(&denies, options, &another, is_drop).await;
    scene.end().await;
}

/// gRPC-Web, Connect and plain HTTP reach the same methods as gRPC does.
#[tokio::test]
async fn a_content_type_does_not_hide_a_grpc_method() {
    const TYPES: &[&str] = &[
        "application/grpc-web",
        "application/grpc-web+proto",
        "application/grpc-web-text",
        "application/connect+proto",
        "application/connect+json",
        "application/proto",
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/GRPC",
        "text/plain",
        "",
    ];
    let mut scene = Scene::new("bypass-grpc-types").await;
    let denies = deny(&services("shop.Admin/Drop"));
    let of = |path: &'static str, wanted| -> Vec<Case> {
        let each = |kind: &&str| {
            let request = Request::new("POST", path).with("content-type", kind);
            case(format!("content-type: {kind}"), request, wanted)
        };
        TYPES.iter().map(each).collect()
    };
    let mut cases = of("/shop.Admin/Drop", refused(403));
    cases.push(case(
        "no content type",
        Request::new("POST", "/shop.Admin/Drop"),
        refused(403),
    ));
    cases.push(case(
        "Connect's GET",
        Request::get("/shop.Admin/Drop?connect=v1&encoding=json&message=%7B%7D"),
        refused(403),
    ));
    cases.push(case(
        "a preflight",
        Request::new("OPTIONS", "/shop.Admin/Drop")
            .with("origin", "https://shop.example")
            .with("access-control-request-method", "POST"),
        refused(403),
    ));
    cases.push(case(
        "gRPC over HTTP/1.1, too",
        Request::new("POST", "/shop.Admin/Drop").with("content-type", "application/grpc"),
        both(Refused(200)),
    ));
    cases.extend(of("/shop.Orders/List", sent("/shop.Orders/List")));
    scene.try_all(&denies, &cases, is_drop).await;
    scene.end().await;
}
