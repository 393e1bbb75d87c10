//! Methods, and what turns a request into something else.

use crate::judge::End::{ByDesign, Cut, NotUpgraded, Refused, Sent, Untried};
use crate::judge::{Echo, Wanted, both, by_design, per, refused, sent};
use crate::request::{Request, pair};
use crate::scene::{Case, Scene, allow, case, deny};

const DENY: &str = "{to: [{operation: {methods: [DELETE]}}]}";
const ALLOW: &str = "{to: [{operation: {methods: [GET]}}]}";

fn is_delete(echo: &Echo) -> bool {
    let overrides = [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ];
    let mut said = overrides
        .iter()
        .flat_map(|name| echo.values(name).collect::<Vec<_>>());
    echo.method().eq_ignore_ascii_case("DELETE")
        || said.any(|method| method == "DELETE")
        || echo.path().contains("_method=DELETE")
}

fn is_not_get(echo: &Echo) -> bool {
    echo.method() != "GET" || is_delete(echo)
}

/// A method, what comes of it where `DELETE` is denied, and what where only `GET` is allowed.
const METHODS: &[(&str, &str, Wanted, Wanted)] = &[
    ("the method that is allowed", "GET", sent("/"), sent("/")),
    (
        "the method that is denied",
        "DELETE",
        refused(403),
        refused(403),
    ),
    ("another method", "PATCH", sent("/"), refused(403)),
    ("HEAD is not GET", "HEAD", both(Untried), refused(403)),
    (
        "lower case",
        "delete",
        per(Refused(400), ByDesign("/")),
        per(Refused(400), Refused(403)),
    ),
    (
        "mixed case",
        "Delete",
        per(Refused(400), ByDesign("/")),
        per(Refused(400), Refused(403)),
    ),
    (
        "lower case of the allowed one",
        "get",
        per(Refused(400), Sent("/")),
        per(Refused(400), Refused(403)),
    ),
    (
        "an unknown method",
        "DELETEX",
        per(Refused(400), Sent("/")),
        per(Refused(400), Refused(403)),
    ),
    (
        "an empty method",
        "",
        per(Refused(400), Cut),
        per(Refused(400), Cut),
    ),
    (
        "a space behind",
        "DELETE ",
        per(Refused(403), Cut),
        per(Refused(403), Cut),
    ),
    (
        "a tab in front",
        "\tDELETE",
        per(Refused(400), Cut),
        per(Refused(400), Cut),
    ),
];

#[tokio::test]
async fn a_method_is_what_it_says() {
    let mut scene = Scene::new("bypass-methods").await;
    let cases = |outcome: fn(&(Wanted, Wanted)) -> Wanted| -> Vec<Case> {
        let row = |(what, method, deny, allow): &(&str, &str, Wanted, Wanted)| {
            let wanted = outcome(&(*deny, *allow));
            case(*what, Request::new(method, "/"), wanted)
        };
        METHODS.iter().map(row).collect()
    };
    let mut denying = cases(|wanted| wanted.0);
    let mut allowing = cases(|wanted| wanted.1);
    // Frameworks that take the method from elsewhere.
    for name in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ] {
        let request = || Request::get("/").with(name, "DELETE");
        denying.push(case(name, request(), by_design("/")));
        allowing.push(case(name, request(), by_design("/")));
    }
    let request = || Request::get("/?_method=DELETE");
    denying.push(case(
        "a method in the query",
        request(),
        by_design("/?_method=DELETE"),
    ));
    scene.try_all(&deny(DENY), &denying, is_delete).await;
    scene.try_all(&allow(ALLOW), &allowing, is_not_get).await;
    // What an author does about it.
    let careful = deny("{when: [{key: 'request.headers[x-http-method-override]', values: ['*']}]}");
    let request = Request::get("/").with("X-HTTP-Method-Override", "DELETE");
    let cases = [case("an override that is denied", request, refused(403))];
    scene.try_all(&careful, &cases, is_delete).await;
    scene.end().await;
}

fn is_admin(echo: &Echo) -> bool {
    echo.path().starts_with("/admin")
}

/// CONNECT, `OPTIONS *`, upgrades, and what is not a path at all.
#[tokio::test]
async fn what_is_not_a_plain_request_is_judged_like_one_or_refused() {
    let mut scene = Scene::new("bypass-forms").await;
    let denies = deny("{to: [{operation: {paths: [/admin*]}}]}");
    let websocket = |path: &str| {
        Request::get(path)
            .with("connection", "upgrade")
            .with("upgrade", "websocket")
            .with("sec-websocket-version", "13")
            .with("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    let h2c = |path: &str| {
        Request::get(path)
            .with("connection", "upgrade, http2-settings")
            .with("upgrade", "h2c")
            .with("http2-settings", "AAMAAABkAAQAAP__")
    };
    let cases = [
        case(
            "`OPTIONS *`",
            Request::new("OPTIONS", "*"),
            per(Refused(404), Refused(404)),
        ),
        case("`GET *`", Request::get("*"), per(Refused(400), Cut)),
        case(
            "OPTIONS of the denied path",
            Request::new("OPTIONS", "/admin"),
            refused(403),
        ),
        case(
            "an absolute URI",
            Request::get("http://orders.shop/admin"),
            per(Refused(403), Cut),
        ),
        case(
            "an absolute URI with dot segments",
            Request::get("http://orders.shop/x/../admin"),
            per(Refused(403), Cut),
        ),
        case(
            "an absolute URI with slashes",
            Request::get("http://orders.shop//admin"),
            per(Refused(403), Cut),
        ),
        case(
            "an absolute URI of another scheme",
            Request::get("ftp://orders.shop/admin"),
            per(Refused(400), Cut),
        ),
        case(
            "only a query",
            Request::get("?/admin"),
            per(Refused(400), Cut),
        ),
        case(
            "only a fragment",
            Request::get("#/admin"),
            per(Refused(400), Cut),
        ),
        case(
            "no slash in front",
            Request::get("admin"),
            per(Refused(400), Cut),
        ),
        case("an empty path", Request::get(""), per(Refused(400), Cut)),
        case(
            "CONNECT",
            Request::new("CONNECT", "internal.shop:443"),
            per(Refused(403), Cut),
        ),
        case(
            "CONNECT with a path",
            Request::new("CONNECT", "/admin"),
            per(Refused(400), Cut),
        ),
        case("a websocket", websocket("/chat"), per(NotUpgraded, Cut)),
        case(
            "a websocket on the denied path",
            websocket("/admin"),
            per(Refused(403), Cut),
        ),
        case(
            "a websocket on the denied path, disguised",
            websocket("/x/..//admin"),
            per(Refused(403), Cut),
        ),
        case("an upgrade to HTTP/2", h2c("/x"), per(Sent("/x"), Cut)),
        case(
            "an upgrade to HTTP/2 on the denied path",
            h2c("/admin"),
            per(Refused(403), Cut),
        ),
        case(
            "an upgrade that Envoy does not know",
            Request::get("/x")
                .with("connection", "upgrade")
                .with("upgrade", "nonsense"),
            per(Refused(403), Cut),
        ),
        case("TRACE", Request::new("TRACE", "/admin"), refused(403)),
        case("PRI", Request::new("PRI", "*"), per(Refused(400), Cut)),
    ];
    scene.try_all(&denies, &cases, is_admin).await;
    // Extended CONNECT (RFC 8441), and CONNECT as HTTP/2 has it.
    let authority = pair(b":authority", b"orders.shop");
    let method = pair(b":method", b"CONNECT");
    let extended = [
        method.clone(),
        pair(b":protocol", b"websocket"),
        pair(b":scheme", b"https"),
        pair(b":path", b"/admin"),
        authority.clone(),
    ];
    for (what, fields, end) in [
        (
            "CONNECT without a path",
            vec![method, authority],
            Refused(403),
        ),
        ("extended CONNECT", extended.to_vec(), Cut),
    ] {
        let stream = landbridge_testbed::RawStream {
            fields,
            ..Default::default()
        };
        scene.try_http2(what, &stream, end, is_admin).await;
    }
    scene.end().await;
}
