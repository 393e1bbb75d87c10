//! Where one request ends and the next begins: what is smuggled is never judged.
//!
//! Envoy decides that, not Landbridge. It is here so that a change of Envoy's mind is noticed.

use crate::judge::Echo;
use crate::judge::End::{self, BrokenOff, Cut, Refused, Sent};
use crate::request::{Request, pair};
use crate::scene::{Scene, caller, deny};

fn is_admin(echo: &Echo) -> bool {
    echo.path().starts_with("/admin")
}

/// Lines of a request's head, its body, and what comes of it.
const FRAMINGS: &[(&str, &str, &str, End)] = &[
    ("a length", "content-length: 1\r\n", "x", Sent("/public")),
    (
        "chunks",
        "transfer-encoding: chunked\r\n",
        "1\r\nx\r\n0\r\n\r\n",
        Sent("/public"),
    ),
    (
        "CL.TE",
        "content-length: 6\r\ntransfer-encoding: chunked\r\n",
        "0\r\n\r\nG",
        Refused(400),
    ),
    (
        "TE.CL",
        "transfer-encoding: chunked\r\ncontent-length: 3\r\n",
        "1\r\nx\r\n0\r\n\r\n",
        Refused(400),
    ),
    (
        "TE.TE: unknown coding",
        "transfer-encoding: xchunked\r\n",
        "0\r\n\r\n",
        Refused(501),
    ),
    (
        "TE.TE: two codings",
        "transfer-encoding: chunked, identity\r\n",
        "0\r\n\r\n",
        Refused(501),
    ),
    (
        "TE.TE: two lines",
        "transfer-encoding: chunked\r\ntransfer-encoding: x\r\n",
        "0\r\n\r\n",
        Refused(501),
    ),
    (
        "TE.TE: the same twice",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "0\r\n\r\n",
        Refused(501),
    ),
    (
        "TE.TE: a vertical tab",
        "transfer-encoding: \x0bchunked\r\n",
        "0\r\n\r\n",
        Refused(400),
    ),
    (
        "TE: a space in front of the colon",
        "transfer-encoding : chunked\r\n",
        "0\r\n\r\n",
        Refused(400),
    ),
    (
        "TE: folded",
        "transfer-encoding:\r\n chunked\r\n",
        "0\r\n\r\n",
        Sent("/public"),
    ),
    (
        "TE: a line that begins with a space",
        " transfer-encoding: chunked\r\n",
        "0\r\n\r\n",
        Refused(400),
    ),
    (
        "CL.CL: they differ",
        "content-length: 1\r\ncontent-length: 2\r\n",
        "xx",
        Refused(400),
    ),
    (
        "CL.CL: the same",
        "content-length: 1\r\ncontent-length: 1\r\n",
        "x",
        Refused(400),
    ),
    ("CL: a list", "content-length: 1, 1\r\n", "x", Refused(400)),
    ("CL: a sign", "content-length: +1\r\n", "x", Refused(400)),
    ("CL: negative", "content-length: -1\r\n", "x", Refused(400)),
    (
        "CL: hexadecimal",
        "content-length: 0x1\r\n",
        "x",
        Refused(400),
    ),
    (
        "CL: too large",
        "content-length: 99999999999999999999\r\n",
        "x",
        Refused(400),
    ),
    (
        "chunks: a length that is none",
        "transfer-encoding: chunked\r\n",
        "zz\r\nx\r\n0\r\n\r\n",
        BrokenOff(Some(400)),
    ),
    (
        "chunks: a length too large",
        "transfer-encoding: chunked\r\n",
        "ffffffffffffffffff\r\nx\r\n0\r\n\r\n",
        BrokenOff(Some(400)),
    ),
    (
        "a bare line feed between lines",
        "x-a: 1\ncontent-length: 1\r\n",
        "x",
        Sent("/public"),
    ),
    ("a header without a colon", "nonsense\r\n", "", Refused(400)),
];

#[tokio::test]
async fn a_request_ends_in_one_place() {
    let mut scene = Scene::new("bypass-framing").await;
    scene
        .policies(&deny("{to: [{operation: {paths: [/admin*]}}]}"))
        .await;
    for (what, head, body, end) in FRAMINGS {
        let bytes = format!(
            "POST /public HTTP/1.1\r\nhost: orders.shop\r\n{head}connection: close\r\n\r\n{body}"
        );
        scene
            .try_http1(what, bytes.as_bytes(), *end, is_admin)
            .await;
    }
    for (what, line, end) in [
        (
            "HTTP/1.0",
            "GET /admin HTTP/1.0\r\nhost: orders.shop\r\n\r\n",
            Refused(426),
        ),
        ("HTTP/0.9", "GET /admin\r\n\r\n", Refused(426)),
        (
            "HTTP/1.2",
            "GET /admin HTTP/1.2\r\nhost: orders.shop\r\nconnection: close\r\n\r\n",
            Refused(426),
        ),
        (
            "two spaces",
            "GET  /admin HTTP/1.1\r\nhost: orders.shop\r\nconnection: close\r\n\r\n",
            Refused(403),
        ),
        (
            "a tab for a space",
            "GET\t/admin\tHTTP/1.1\r\nhost: orders.shop\r\nconnection: close\r\n\r\n",
            Refused(403),
        ),
        (
            "an empty line in front",
            "\r\nGET /admin HTTP/1.1\r\nhost: orders.shop\r\nconnection: close\r\n\r\n",
            Refused(403),
        ),
    ] {
        scene.try_http1(what, line.as_bytes(), end, is_admin).await;
    }
    let request = Request::new("POST", "/public");
    for (what, name, value, body, end) in [
        ("H2.TE", "transfer-encoding", "chunked", "0\r\n\r\nG", Cut),
        (
            "H2.CL: too long",
            "content-length",
            "9",
            "x",
            BrokenOff(None),
        ),
        (
            "H2.CL: too short",
            "content-length",
            "0",
            "GET /admin HTTP/1.1\r\n\r\n",
            BrokenOff(None),
        ),
        ("H2: `connection`", "connection", "x-role", "", Cut),
        ("H2: `te`", "te", "chunked", "", Cut),
        ("H2: a second path", ":path", "/admin", "", Cut),
        ("H2: a second method", ":method", "DELETE", "", Cut),
        ("H2: an unknown pseudo-header", ":role", "guest", "", Cut),
        ("H2: a line end in a name", "x: 1\r\ny", "2", "", Cut),
        (
            "H2: a line end in a value",
            "x",
            "1\r\n\r\nGET /admin HTTP/1.1",
            "",
            BrokenOff(None),
        ),
    ] {
        let request = request.clone().with(name, value);
        let mut stream = request.http2();
        stream.body = body.as_bytes().into();
        scene.try_http2(what, &stream, end, is_admin).await;
    }
    let mut stream = request.http2();
    stream.fields.push(pair(b"X-Role", b"guest"));
    scene
        .try_http2("H2: a name in upper case", &stream, Cut, is_admin)
        .await;
    let mut stream = request.http2();
    stream.fields.insert(0, pair(b"x-role", b"guest"));
    scene
        .try_http2("H2: a header before `:path`", &stream, Cut, is_admin)
        .await;
    scene.end().await;
}

/// The second request on a connection is judged by itself.
#[tokio::test]
async fn every_request_of_a_connection_is_judged() {
    let mut scene = Scene::new("bypass-pipeline").await;
    scene
        .policies(&deny("{to: [{operation: {paths: [/admin*]}}]}"))
        .await;
    let one = "GET /public HTTP/1.1\r\nhost: orders.shop\r\n\r\n";
    let two = "GET //admin HTTP/1.1\r\nhost: orders.shop\r\nconnection: close\r\n\r\n";
    let bytes = format!("{one}{one}{two}");
    let protocol = landbridge_testbed::Protocol::Http1;
    let answer = scene
        .mesh
        .raw("use1-a", caller(), protocol, bytes.as_bytes())
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&answer);
    let statuses: Vec<&str> = text
        .match_indices("HTTP/1.1 ")
        .filter_map(|(at, sign)| text.get(at + sign.len()..at + sign.len() + 3))
        .filter(|status| status.bytes().all(|b| b.is_ascii_digit()))
        .collect();
    assert_eq!(statuses, ["200", "200", "403"], "{text}");
    assert_eq!(scene.heard(Cut).await, 2);
    scene.end().await;
}
