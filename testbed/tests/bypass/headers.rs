//! Headers that say one thing to whoever judges and another to whoever serves.

use crate::judge::End::{BrokenOff, ByDesign, Cut, Refused, Sent};
use crate::judge::{Echo, Wanted, by_design, per, refused, sent};
use crate::request::Request;
use crate::scene::{Case, Scene, allow, case, deny};

/// Header lines, what comes of them where `x-role: guest` is denied, and what where only
/// `x-role: admin` is allowed.
type Row = (
    &'static str,
    &'static [(&'static str, &'static [u8])],
    Wanted,
    Wanted,
);

const LONG: &[u8] = &[b'g'; 8193];
const LONGEST: &[u8] = &[b'g'; 8192];

const OK: Wanted = sent("/");
const LENIENT: Wanted = by_design("/");
const NO: Wanted = refused(403);
const BAD: Wanted = refused(400);
const UNSPEAKABLE: Wanted = per(Refused(400), Cut);

const ROWS: &[Row] = &[
    ("the value that is allowed", &[("x-role", b"admin")], OK, OK),
    ("the value that is denied", &[("x-role", b"guest")], NO, NO),
    ("none at all", &[], OK, NO),
    ("an empty value", &[("x-role", b"")], OK, NO),
    ("a name in another case", &[("X-RoLe", b"guest")], NO, NO),
    (
        "a duplicate behind",
        &[("x-role", b"admin"), ("x-role", b"guest")],
        BAD,
        BAD,
    ),
    (
        "a duplicate in front",
        &[("x-role", b"guest"), ("x-role", b"admin")],
        BAD,
        BAD,
    ),
    (
        "a duplicate in another case",
        &[("x-role", b"admin"), ("X-ROLE", b"guest")],
        BAD,
        BAD,
    ),
    (
        "a duplicate that is empty",
        &[("x-role", b"guest"), ("x-role", b"")],
        BAD,
        BAD,
    ),
    (
        "the same twice",
        &[("x-role", b"admin"), ("x-role", b"admin")],
        BAD,
        BAD,
    ),
    (
        "values joined by a comma",
        &[("x-role", b"guest, admin")],
        LENIENT,
        NO,
    ),
    (
        "values joined, the allowed one first",
        &[("x-role", b"admin,guest")],
        LENIENT,
        NO,
    ),
    ("the case of a value", &[("x-role", b"Guest")], LENIENT, NO),
    (
        "an underscore for the dash",
        &[("x_role", b"guest")],
        BAD,
        BAD,
    ),
    (
        "an underscore beside the dash",
        &[("x-role", b"admin"), ("x_role", b"guest")],
        BAD,
        BAD,
    ),
    (
        "another name that begins like it",
        &[("x-role-2", b"guest")],
        OK,
        NO,
    ),
    (
        "spaces around",
        &[("x-role", b"  guest  ")],
        per(Refused(403), Refused(400)),
        per(Refused(403), Refused(400)),
    ),
    (
        "tabs around",
        &[("x-role", b"\tguest\t")],
        per(Refused(403), Refused(400)),
        per(Refused(403), Refused(400)),
    ),
    (
        "a space behind",
        &[("x-role", b"guest ")],
        per(Refused(403), Refused(400)),
        per(Refused(403), Refused(400)),
    ),
    (
        "a vertical tab behind",
        &[("x-role", b"guest\x0b")],
        UNSPEAKABLE,
        UNSPEAKABLE,
    ),
    (
        "a form feed in front",
        &[("x-role", b"\x0cguest")],
        UNSPEAKABLE,
        UNSPEAKABLE,
    ),
    ("DEL", &[("x-role", b"guest\x7f")], UNSPEAKABLE, UNSPEAKABLE),
    ("a tab within", &[("x-role", b"gu\test")], OK, NO),
    ("NUL", &[("x-role", b"guest\0")], UNSPEAKABLE, UNSPEAKABLE),
    (
        "a carriage return, which Envoy drops",
        &[("x-role", b"admin\rx-role: guest")],
        per(Sent("/"), Cut),
        per(Refused(403), Cut),
    ),
    (
        "a line feed",
        &[("x-other", b"1\nx-role: guest")],
        per(Refused(403), Cut),
        per(Refused(403), Cut),
    ),
    (
        "obsolete folding",
        &[("x-role", b"\r\n guest")],
        per(Refused(403), Cut),
        per(Refused(403), Cut),
    ),
    (
        "a space in front of the colon",
        &[("x-role ", b"guest")],
        UNSPEAKABLE,
        UNSPEAKABLE,
    ),
    ("an empty name", &[("", b"guest")], UNSPEAKABLE, UNSPEAKABLE),
    ("what is not UTF-8", &[("x-role", b"guest\xff")], BAD, BAD),
    ("overlong UTF-8", &[("x-role", b"gues\xc1\xb4")], BAD, BAD),
    (
        "what is not UTF-8 where no policy reads",
        &[("x-other", b"\xff"), ("x-role", b"admin")],
        OK,
        OK,
    ),
    ("quotes", &[("x-role", b"\"guest\"")], LENIENT, NO),
    ("a parameter", &[("x-role", b"guest;q=1")], LENIENT, NO),
    ("an escape", &[("x-role", b"g%75est")], LENIENT, NO),
    ("a value that is too long", &[("x-role", LONG)], BAD, BAD),
    ("the longest value", &[("x-role", LONGEST)], OK, NO),
    (
        "`connection` that names the header, which Envoy drops",
        &[("connection", b"close, x-role"), ("x-role", b"guest")],
        per(Sent("/"), Cut),
        per(Refused(403), Cut),
    ),
];

fn cases(outcome: impl Fn(&Row) -> Wanted) -> Vec<Case> {
    let request = |row: &Row| {
        let fields = row.1.iter();
        fields.fold(Request::get("/"), |request, (name, value)| {
            request.with(name, value)
        })
    };
    ROWS.iter()
        .map(|row| case(row.0, request(row), outcome(row)))
        .collect()
}

/// Whether a lenient upstream finds this role: CGI's names, lists, parameters, quotes, escapes,
/// space and case all forgiven.
fn roles(echo: &Echo) -> Vec<String> {
    ["x-role", "x_role"]
        .into_iter()
        .flat_map(|name| echo.values(name).collect::<Vec<_>>())
        .flat_map(|value| value.split(','))
        .map(|value| value.split(';').next().unwrap_or(""))
        .map(|value| value.replace("%75", "u"))
        .map(|value| {
            let strip = |c: char| c.is_whitespace() || c.is_control() || c == '"';
            value.trim_matches(strip).to_ascii_lowercase()
        })
        .collect()
}

fn is_guest(echo: &Echo) -> bool {
    roles(echo).iter().any(|role| role == "guest")
}

fn is_not_admin(echo: &Echo) -> bool {
    roles(echo) != ["admin"]
}

#[tokio::test]
async fn a_header_says_one_thing() {
    let mut scene = Scene::new("bypass-headers").await;
    let denies = deny("{when: [{key: 'request.headers[x-role]', values: [guest]}]}");
    scene.try_all(&denies, &cases(|row| row.2), is_guest).await;
    let allows = allow("{when: [{key: 'request.headers[x-role]', values: [admin]}]}");
    scene
        .try_all(&allows, &cases(|row| row.3), is_not_admin)
        .await;
    scene.end().await;
}

/// Headers that Envoy keeps in a place of their own, and so joins where they are there twice: the
/// filter cannot see that they were.
const JOINED: &[&str] = &[
    "accept",
    "accept-encoding",
    "authorization",
    "cache-control",
    "content-type",
    "grpc-timeout",
    "origin",
    "referer",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];

/// Whether any of the values that were given is one that is denied.
fn has_bad(echo: &Echo) -> bool {
    let headers = JOINED
        .iter()
        .flat_map(|name| echo.values(name).collect::<Vec<_>>());
    headers
        .flat_map(|value| value.split([',', ';']))
        .any(|value| value.trim() == "bad")
}

/// A DENY of one exact value does not see it among others; an ALLOW of one exact value never lets
/// another in beside it.
#[tokio::test]
async fn a_header_that_envoy_joins_is_judged_as_joined() {
    let mut scene = Scene::new("bypass-joined").await;
    for name in JOINED {
        let both =
            |first: &str, second: &str| Request::get("/").with(name, first).with(name, second);
        let once = |value: &str| Request::get("/").with(name, value);
        let of = |what: &str| format!("{name}: {what}");
        let deny = deny(&format!(
            "{{when: [{{key: 'request.headers[{name}]', values: [bad]}}]}}"
        ));
        let cases = [
            case(of("the denied value"), once("bad"), refused(403)),
            case(
                of("the denied value and another"),
                both("bad", "good"),
                by_design("/"),
            ),
        ];
        scene.try_all(&deny, &cases, has_bad).await;
        let allow = allow(&format!(
            "{{when: [{{key: 'request.headers[{name}]', values: [good]}}]}}"
        ));
        let cases = [
            case(of("the allowed value"), once("good"), sent("/")),
            case(
                of("the allowed value and another"),
                both("good", "bad"),
                refused(403),
            ),
            case(
                of("another and the allowed value"),
                both("bad", "good"),
                refused(403),
            ),
        ];
        scene.try_all(&allow, &cases, has_bad).await;
    }
    scene.end().await;
}

/// Envoy joins cookies in HTTP/2, where clients may send them one by one, and only there.
#[tokio::test]
async fn cookies_are_joined_in_http2_only() {
    fn has_bad(echo: &Echo) -> bool {
        let crumbs = echo.values("cookie").flat_map(|value| value.split("; "));
        crumbs.into_iter().any(|crumb| crumb == "role=bad")
    }
    let mut scene = Scene::new("bypass-cookies").await;
    let two = || {
        Request::get("/")
            .with("cookie", "role=bad")
            .with("cookie", "role=good")
    };
    let one = |value| Request::get("/").with("cookie", value);
    let denies = deny("{when: [{key: 'request.headers[cookie]', values: [role=bad]}]}");
    let cases = [
        case("the denied value", one("role=bad"), refused(403)),
        case("two", two(), per(Refused(400), ByDesign("/"))),
        case("two in one", one("role=bad; role=good"), by_design("/")),
    ];
    scene.try_all(&denies, &cases, has_bad).await;
    let allows = allow("{when: [{key: 'request.headers[cookie]', values: [role=good]}]}");
    let cases = [
        case("the allowed value", one("role=good"), sent("/")),
        case("two", two(), per(Refused(400), Refused(403))),
    ];
    scene.try_all(&allows, &cases, has_bad).await;
    scene.end().await;
}

/// What stands behind the body is never judged, and is never a header.
#[tokio::test]
async fn a_trailer_is_no_header() {
    let mut scene = Scene::new("bypass-trailers").await;
    scene
        .policies(&allow(
            "{when: [{key: 'request.headers[x-role]', values: [admin]}]}",
        ))
        .await;
    let chunked = |head: &str, trailer: &str| {
        format!("POST / HTTP/1.1\r\nhost: orders.shop\r\nconnection: close\r\n{head}transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n{trailer}\r\n").into_bytes()
    };
    for (what, head, trailer, end) in [
        (
            "the role in a trailer",
            "",
            "x-role: admin\r\n",
            Refused(403),
        ),
        (
            "another role in a trailer",
            "x-role: admin\r\n",
            "x-role: guest\r\n",
            Sent("/"),
        ),
        (
            "the path in a trailer",
            "x-role: admin\r\n",
            ":path: /admin\r\n",
            BrokenOff(Some(400)),
        ),
    ] {
        scene
            .try_http1(what, &chunked(head, trailer), end, is_not_admin)
            .await;
    }
    let request = Request::new("POST", "/");
    let admin = request.clone().with("x-role", "admin");
    for (what, request, trailer, end) in [
        (
            "the role in a trailer",
            &request,
            ("x-role", "admin"),
            Refused(403),
        ),
        (
            "another role in a trailer",
            &admin,
            ("x-role", "guest"),
            Sent("/"),
        ),
        (
            "the path in a trailer",
            &admin,
            (":path", "/admin"),
            BrokenOff(None),
        ),
    ] {
        let mut stream = request.http2();
        stream.body = b"x"[..].into();
        let (name, value) = trailer;
        stream.trailers = vec![crate::request::pair(name.as_bytes(), value.as_bytes())];
        scene.try_http2(what, &stream, end, is_not_admin).await;
    }
    scene.end().await;
}

/// A caller cannot set the headers that only Landbridge sets, whatever way it writes them.
#[tokio::test]
async fn landbridges_own_headers_are_not_the_callers() {
    fn own(echo: &Echo) -> bool {
        [
            "x-landbridge-cluster",
            "x_landbridge_cluster",
            "x-landbridge_cluster",
        ]
        .iter()
        .any(|name| echo.values(name).next().is_some())
    }
    let mut scene = Scene::new("bypass-own").await;
    let names = [
        "x-landbridge-cluster",
        "X-Landbridge-Cluster",
        "x_landbridge_cluster",
        "x-landbridge_cluster",
    ];
    let cases: Vec<Case> = names
        .iter()
        .map(|name| {
            let request = Request::get("/").with(name, "euw1-a").with(name, "use1-b");
            case(*name, request, sent("/"))
        })
        .collect();
    scene.try_all(crate::scene::ALLOW_ALL, &cases, own).await;
    scene.end().await;
}
