//! Paths that mean one thing to whoever judges and another to whoever serves.
//!
//! Each is tried on an Envoy that normalises paths before any filter, as Istio has it do, and on
//! one that does not.

use crate::judge::End::{Cut, Refused, Sent};
use crate::judge::{Echo, Wanted, by_design, lenient, per, refused, sent};
use crate::request::Request;
use crate::scene::{Case, Scene, allow, case, deny};

/// A path, what comes of it where `/admin*` is denied and all else allowed, and what where only
/// `/public/*` is allowed.
type Row = (&'static str, &'static [u8], Wanted, Wanted);

/// Refused as malformed, whatever the policy.
const fn malformed(weakness: &'static str, path: &'static [u8]) -> Row {
    (weakness, path, refused(400), refused(400))
}

/// The same where HTTP/2's codec does not even answer.
const fn unspeakable(weakness: &'static str, path: &'static [u8]) -> Row {
    let end = per(Refused(400), Cut);
    (weakness, path, end, end)
}

/// Seen through: denied by either policy.
const fn denied(weakness: &'static str, path: &'static [u8]) -> Row {
    (weakness, path, refused(403), refused(403))
}

/// Of the public part, and sent on so by either policy.
const fn public(weakness: &'static str, path: &'static [u8], to: &'static str) -> Row {
    (weakness, path, sent(to), sent(to))
}

/// Another path than the denied one, and not of the public part.
const fn another(weakness: &'static str, path: &'static [u8], to: &'static str) -> Row {
    (weakness, path, sent(to), refused(403))
}

/// Another path than the denied one by design, and not of the public part.
const fn another_by_design(weakness: &'static str, path: &'static [u8], to: &'static str) -> Row {
    (weakness, path, by_design(to), refused(403))
}

/// More than the longest path that is judged.
const LONG: &[u8] = &{
    let mut path = [b'a'; 9000];
    path[0] = b'/';
    path
};

const ROWS: &[Row] = &[
    malformed("a path that is too long", LONG),
    public("a plain path", b"/public/a", "/public/a"),
    denied("a plain path that is denied", b"/admin/a"),
    denied("CVE-2021-31920: repeated slashes in front", b"//admin"),
    denied("CVE-2021-31920: many slashes in front", b"////////admin//x"),
    public(
        "CVE-2021-31920: repeated slashes within",
        b"/public//a///b",
        "/public/a/b",
    ),
    denied(
        "CVE-2021-31920: an empty segment, then a dot segment",
        b"/public/x//../../../admin",
    ),
    malformed("CVE-2021-39156: a fragment", b"/admin#x"),
    malformed("CVE-2021-39156: a fragment alone", b"/public/#/../../admin"),
    malformed(
        "CVE-2021-39156: a fragment behind the query",
        b"/public/a?x#y",
    ),
    another("an escaped fragment", b"/x%23/admin", "/x%23/admin"),
    denied("CVE-2019-9901: dot segments", b"/public/../admin"),
    denied("CVE-2019-9901: a single dot", b"/./admin"),
    denied(
        "CVE-2019-9901: dot segments above the root",
        b"/public/../../../admin",
    ),
    denied(
        "CVE-2019-9901: escaped dot segments",
        b"/public/%2e%2E/admin",
    ),
    denied(
        "CVE-2019-9901: half-escaped dot segments",
        b"/public/.%2e/admin",
    ),
    public(
        "CVE-2019-9901: dot segments that lead in",
        b"/admin/../public/a",
        "/public/a",
    ),
    public(
        "CVE-2019-9901: dot segments at the end",
        b"/public/a/b/..",
        "/public/a/",
    ),
    public("three dots are a name", b"/public/.../a", "/public/.../a"),
    malformed("CVE-2021-29492: an escaped slash", b"/public%2F..%2Fadmin"),
    malformed(
        "CVE-2021-29492: an escaped slash in lower case",
        b"/public/%2fadmin",
    ),
    malformed(
        "CVE-2021-29492: an escaped backslash",
        b"/public/..%5Cadmin",
    ),
    malformed(
        "CVE-2021-29492: an escaped backslash in lower case",
        b"/x%5c..%5cadmin",
    ),
    denied("CVE-2021-29492: a backslash for a slash", b"/\\admin"),
    denied(
        "CVE-2021-29492: backslashes in dot segments",
        b"/public\\..\\admin",
    ),
    denied("escapes of letters", b"/%61%64min"),
    denied(
        "CVE-2021-29492: a slash escaped in the query is the query's",
        b"/admin?x=%2F",
    ),
    public(
        "the query is not the path",
        b"/public/a?p=/../admin",
        "/public/a?p=/../admin",
    ),
    denied("the query does not hide the path", b"/admin?/../public/"),
    malformed("a cut escape", b"/public/%2"),
    another_by_design("double encoding of a letter", b"/%2561dmin", "/%2561dmin"),
    another_by_design(
        "double encoding of dots",
        b"/x/%252e%252e/admin",
        "/x/%252e%252e/admin",
    ),
    another_by_design(
        "double encoding of a slash",
        b"/x%252f..%252fadmin",
        "/x%252f..%252fadmin",
    ),
    another_by_design(
        "double encoding by escaped digits",
        b"/%25%36%31dmin",
        "/%2561dmin",
    ),
    (
        "double encoding, from the public part",
        b"/public/%252e%252e/admin",
        by_design("/public/%252e%252e/admin"),
        by_design("/public/%252e%252e/admin"),
    ),
    denied("`;` parameters behind the denied prefix", b"/admin;x=1/a"),
    malformed(
        "`;` parameters on an escaped dot segment",
        b"/public/%2e%2e;/admin",
    ),
    malformed(
        "escaped `;` parameters on a dot segment",
        b"/public/..%3b/admin",
    ),
    another_by_design("case", b"/Admin", "/Admin"),
    another_by_design(
        "CVE-2021-39155's kin: case in an escape",
        b"/%41dmin",
        "/Admin",
    ),
    malformed("%00", b"/public/%00/../admin"),
    malformed("%00 that cuts a suffix off", b"/admin%00.css"),
    unspeakable("NUL", b"/public/\0/admin"),
    malformed(
        "overlong UTF-8: dots, escaped",
        b"/public/%c0%ae%c0%ae/admin",
    ),
    malformed("overlong UTF-8: a slash, escaped", b"/public/..%C0%AFadmin"),
    malformed(
        "overlong UTF-8: a backslash, escaped",
        b"/public/..%c1%9cadmin",
    ),
    malformed(
        "overlong UTF-8: three bytes, escaped",
        b"/public/%e0%80%ae%e0%80%ae/admin",
    ),
    malformed(
        "overlong UTF-8: four bytes, escaped",
        b"/public/%f0%80%80%af../admin",
    ),
    public(
        "what is not UTF-8 at all may be Latin-1, escaped",
        b"/public/%e4",
        "/public/%E4",
    ),
    public("escaped UTF-8", b"/public/%c3%a4", "/public/%C3%A4"),
    unspeakable("a tab", b"/public/\t../admin"),
    unspeakable("a carriage return", b"/public/\r/admin"),
    unspeakable("DEL", b"/public/\x7f/admin"),
    public(
        "escaped line ends stay escaped",
        b"/public/%0d%0ax:%20y",
        "/public/%0D%0Ax:%20y",
    ),
    unspeakable("CVE-2021-29492: a backslash in front", b"\\admin"),
    another(
        "an escaped question mark is in the path",
        b"/x%3F/../b%3f",
        "/b%3F",
    ),
    malformed("`;` parameters for an empty segment", b"/;z=1/admin"),
    public(
        "`;` parameters for the last segment",
        b"/public/;z=1",
        "/public/;z=1",
    ),
    (
        "raw non-ASCII",
        b"/public/\xc3\xa4",
        per(Refused(400), Sent("/public/%C3%A4")),
        per(Refused(400), Sent("/public/%C3%A4")),
    ),
    (
        "a space in front of the version",
        b"/admin ",
        per(Refused(403), Cut),
        per(Refused(403), Cut),
    ),
    (
        "a line feed",
        b"/public/\n/admin",
        per(Refused(426), Cut),
        per(Refused(426), Cut),
    ),
];

/// What Envoy's own normalising sees through, or leaves otherwise, before the filter.
const WHERE_ENVOY_NORMALIZES: &[Row] = &[
    public("a broken escape", b"/public/%zz/../a", "/public/a"),
    denied("a broken escape, and out", b"/public/%zz/../../admin"),
    (
        "an escape in an escape",
        b"/public/%%32e%%32e/admin",
        by_design("/public/%252e%252e/admin"),
        by_design("/public/%252e%252e/admin"),
    ),
    denied("`;` parameters on a dot segment", b"/public/..;/admin"),
    denied(
        "`;` parameters on a dot segment, with a name",
        b"/public/..;a=b/admin",
    ),
    denied("`;` parameters on a single dot", b"/.;/admin"),
];

/// What is left to the filter.
const WHERE_ENVOY_LEAVES_ALONE: &[Row] = &[
    malformed("a broken escape", b"/public/%zz/../a"),
    malformed("a broken escape, and out", b"/public/%zz/../../admin"),
    malformed("an escape in an escape", b"/public/%%32e%%32e/admin"),
    malformed("`;` parameters on a dot segment", b"/public/..;/admin"),
    malformed(
        "`;` parameters on a dot segment, with a name",
        b"/public/..;a=b/admin",
    ),
    malformed("`;` parameters on a single dot", b"/.;/admin"),
];

fn cases(more: &[Row], outcome: impl Fn(&Row) -> Wanted) -> Vec<Case> {
    let rows = ROWS.iter().chain(more);
    rows.map(|row| case(row.0, Request::get(row.1), outcome(row)))
        .collect()
}

fn is_admin(echo: &Echo) -> bool {
    lenient(echo.path()).starts_with("/admin")
}

fn is_not_public(echo: &Echo) -> bool {
    let path = lenient(echo.path());
    path != "/public" && !path.starts_with("/public/")
}

async fn all(mut scene: Scene, more: &[Row]) {
    let denies = deny("{to: [{operation: {paths: [/admin*]}}]}");
    let denying = cases(more, |row| row.2);
    scene.try_all(&denies, &denying, is_admin).await;
    let allows = allow("{to: [{operation: {paths: [/public/*]}}]}");
    let allowing = cases(more, |row| row.3);
    scene.try_all(&allows, &allowing, is_not_public).await;
    scene.end().await;
}

#[tokio::test]
async fn a_path_means_one_thing() {
    let scene = Scene::new("bypass-paths").await;
    all(scene, WHERE_ENVOY_NORMALIZES).await;
}

#[tokio::test]
async fn a_path_means_one_thing_where_envoy_leaves_it_alone() {
    let scene = Scene::without_normalize_path("bypass-paths-alone").await;
    all(scene, WHERE_ENVOY_LEAVES_ALONE).await;
}

/// Parameters are part of a segment's name: only a prefix that ends in the segment sees past them.
#[tokio::test]
async fn a_parameter_is_part_of_its_segment() {
    fn is_kept_back(echo: &Echo) -> bool {
        let path = lenient(echo.path());
        path == "/drop" || path.starts_with("/api/admin")
    }
    let mut scene = Scene::new("bypass-parameters").await;
    let denies = deny("{to: [{operation: {paths: [/drop, /api/admin*]}}]}");
    let cases = [
        case("an exact path", Request::get("/drop"), refused(403)),
        case(
            "an exact path, and a parameter",
            Request::get("/drop;x"),
            by_design("/drop;x"),
        ),
        case(
            "an exact path, and a slash",
            Request::get("/drop/"),
            by_design("/drop/"),
        ),
        case(
            "the prefix's last segment",
            Request::get("/api/admin;x/a"),
            refused(403),
        ),
        case(
            "a segment before it",
            Request::get("/api;x/admin"),
            by_design("/api;x/admin"),
        ),
    ];
    scene.try_all(&denies, &cases, is_kept_back).await;
    // What an author does about it: name what is allowed, without parameters.
    let allows = allow("{to: [{operation: {paths: [/api/orders, /api/prices]}}]}");
    let cases = [
        case(
            "what is allowed",
            Request::get("/api/orders"),
            sent("/api/orders"),
        ),
        case("a parameter", Request::get("/api/orders;x"), refused(403)),
        case(
            "a parameter before it",
            Request::get("/api;x/orders"),
            refused(403),
        ),
    ];
    scene.try_all(&allows, &cases, is_kept_back).await;
    scene.end().await;
}

/// Where escaped slashes are decoded, they are so before anything is judged.
#[tokio::test]
async fn a_decoded_slash_is_a_slash() {
    let mut scene = Scene::new("bypass-decoded").await;
    let options = r#"{"pathNormalization": "DECODE_AND_MERGE_SLASHES"}"#;
    let denies = deny("{to: [{operation: {paths: [/admin*]}}]}");
    let cases = [
        case(
            "an escaped slash, and out",
            Request::get("/public%2F..%2Fadmin"),
            refused(403),
        ),
        case(
            "an escaped backslash, and out",
            Request::get("/public%5c..%5cadmin"),
            refused(403),
        ),
        case("repeated", Request::get("/%2F%5Cadmin"), refused(403)),
        case(
            "doubly escaped",
            Request::get("/x%252F..%252Fadmin"),
            by_design("/x%252F..%252Fadmin"),
        ),
        case("hidden", Request::get("/x%2F..;%2Fadmin"), refused(400)),
        case("within", Request::get("/a%2Fb"), sent("/a/b")),
    ];
    scene.try_with(&denies, options, &cases, is_admin).await;
    scene.end().await;
}
