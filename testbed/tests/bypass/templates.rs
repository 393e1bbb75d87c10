//! Path templates: what an open segment takes, and what it must not.

use crate::judge::{Echo, Wanted, by_design, lenient, refused, sent};
use crate::request::Request;
use crate::scene::{Case, Scene, allow, case, deny};

const DENY: &str = "{to: [{operation: {paths: ['/tenants/{*}/admin', '/files/{**}/secret']}}]}";
const ALLOW: &str = "{to: [{operation: {paths: ['/public/{*}', '/docs/{**}']}}]}";

/// A path, what comes of it where `DENY` is denied, and what where only `ALLOW` is allowed.
type Row = (&'static str, &'static str, Wanted, Wanted);

const fn denied(weakness: &'static str, path: &'static str) -> Row {
    (weakness, path, refused(403), refused(403))
}

const fn malformed(weakness: &'static str, path: &'static str) -> Row {
    (weakness, path, refused(400), refused(400))
}

const fn public(weakness: &'static str, path: &'static str, to: &'static str) -> Row {
    (weakness, path, sent(to), sent(to))
}

const fn another(weakness: &'static str, path: &'static str, to: &'static str) -> Row {
    (weakness, path, sent(to), refused(403))
}

/// Another path than the denied ones by design, and not a public one.
const fn another_by_design(weakness: &'static str, path: &'static str) -> Row {
    (weakness, path, by_design(path), refused(403))
}

const ROWS: &[Row] = &[
    denied("one segment", "/tenants/a/admin"),
    denied("any number", "/files/a/b/secret"),
    public("one segment that is allowed", "/public/a", "/public/a"),
    public("any number that is allowed", "/docs/a/b", "/docs/a/b"),
    malformed("CVE-2021-29492: %2F in a segment", "/tenants/a%2Fb/admin"),
    malformed(
        "CVE-2021-29492: %2F that leads out",
        "/public/a%2F..%2F..%2Fadmin",
    ),
    malformed(
        "CVE-2021-29492: %5C in a segment",
        "/public/a%5C..%5C..%5Cadmin",
    ),
    denied("CVE-2021-29492: backslashes", "/tenants\\a\\admin"),
    denied("`;` parameters in an open segment", "/tenants/a;x=1/admin"),
    denied(
        "`;` parameters in one of any number",
        "/files/a;x/b;y/secret",
    ),
    another_by_design("`;` parameters on the last literal", "/tenants/a/admin;x"),
    another_by_design("`;` parameters on the first literal", "/tenants;x/a/admin"),
    another_by_design("`;` parameters behind any number", "/files/a/secret;x"),
    malformed("`;` parameters for an open segment", "/tenants/;x/admin"),
    (
        "`;` parameters for the last segment",
        "/public/;x",
        sent("/public/;x"),
        by_design("/public/;x"),
    ),
    denied(
        "`;` parameters on a dot segment",
        "/public/..;/tenants/a/admin",
    ),
    another(
        "CVE-2021-31920: an empty segment is none",
        "/tenants//admin",
        "/tenants/admin",
    ),
    public(
        "CVE-2021-31920: nor is it one more",
        "/public//a",
        "/public/a",
    ),
    another("CVE-2021-31920: only empty ones", "/public//", "/public/"),
    another(
        "CVE-2021-31920: nor any number",
        "/files//secret",
        "/files/secret",
    ),
    denied("CVE-2021-31920: in between", "/files/a//b///secret"),
    denied(
        "CVE-2019-9901: dot segments within",
        "/tenants/x/../a/admin",
    ),
    denied(
        "CVE-2019-9901: dot segments that lead in",
        "/public/../tenants/a/admin",
    ),
    denied("CVE-2019-9901: escaped", "/public/%2e%2e/tenants/a/admin"),
    denied(
        "CVE-2019-9901: out of any number",
        "/docs/a/../../tenants/a/admin",
    ),
    denied(
        "CVE-2019-9901: at the end",
        "/tenants/a/admin/x/../../admin",
    ),
    another(
        "CVE-2019-9901: no segment is left",
        "/files/a/../secret",
        "/files/secret",
    ),
    public("three dots are a name", "/public/...", "/public/..."),
    another(
        "two segments are not one",
        "/tenants/a/b/admin",
        "/tenants/a/b/admin",
    ),
    another("an open segment is not nothing", "/public/", "/public/"),
    another_by_design("a trailing slash", "/tenants/a/admin/"),
    another_by_design("a trailing slash behind any number", "/files/a/secret/"),
    another_by_design("case of a literal", "/tenants/a/Admin"),
    denied("an escaped letter of a literal", "/tenants/a/%61dmin"),
    denied("escapes in an open segment", "/tenants/%61%C3%A4/admin"),
    denied("a star is a name", "/tenants/*/admin"),
    denied("a template is a name", "/tenants/{*}/admin"),
    malformed("%00 in an open segment", "/tenants/a%00/admin"),
    denied("the query hides nothing", "/tenants/a/admin?/public/a"),
    public(
        "the query is not the path",
        "/public/a?/../../tenants/a/admin",
        "/public/a?/../../tenants/a/admin",
    ),
    another_by_design(
        "double encoding of a slash",
        "/x%252F..%252Ftenants/a/admin",
    ),
    (
        "double encoding in an open segment",
        "/public/a%252F..%252F..%252Fadmin",
        sent("/public/a%252F..%252F..%252Fadmin"),
        by_design("/public/a%252F..%252F..%252Fadmin"),
    ),
    (
        "double encoding in any number",
        "/docs/%252e%252e/tenants/a/admin",
        by_design("/docs/%252e%252e/tenants/a/admin"),
        by_design("/docs/%252e%252e/tenants/a/admin"),
    ),
];

fn cases(outcome: impl Fn(&Row) -> Wanted) -> Vec<Case> {
    ROWS.iter()
        .map(|row| case(row.0, Request::get(row.1), outcome(row)))
        .collect()
}

fn has_segments(echo: &Echo, are_they: fn(&[&str]) -> bool) -> bool {
    let path = lenient(echo.path());
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    are_they(&segments)
}

fn is_denied(echo: &Echo) -> bool {
    has_segments(echo, |segments| {
        matches!(
            segments,
            ["tenants", _, "admin"] | ["files", _, .., "secret"]
        )
    })
}

fn is_not_public(echo: &Echo) -> bool {
    !has_segments(echo, |segments| {
        matches!(segments, ["public", _] | ["docs", ..])
    })
}

#[tokio::test]
async fn an_open_segment_is_one_segment() {
    let mut scene = Scene::new("bypass-templates").await;
    let denying = cases(|row| row.2);
    scene.try_all(&deny(DENY), &denying, is_denied).await;
    let allowing = cases(|row| row.3);
    scene.try_all(&allow(ALLOW), &allowing, is_not_public).await;
    scene.end().await;
}

/// Where escaped slashes are decoded, they end an open segment.
#[tokio::test]
async fn a_decoded_slash_ends_an_open_segment() {
    let mut scene = Scene::new("bypass-templates-decoded").await;
    let options = r#"{"pathNormalization": "DECODE_AND_MERGE_SLASHES"}"#;
    let denying = [
        case(
            "into the denied one",
            Request::get("/tenants%2Fa%2Fadmin"),
            refused(403),
        ),
        case(
            "one segment more",
            Request::get("/tenants/a%2Fb/admin"),
            sent("/tenants/a/b/admin"),
        ),
        case(
            "any number",
            Request::get("/files/a%2Fb%5Csecret"),
            refused(403),
        ),
    ];
    scene
        .try_with(&deny(DENY), options, &denying, is_denied)
        .await;
    let allowing = [
        case(
            "one segment more",
            Request::get("/public/a%2Fb"),
            refused(403),
        ),
        case(
            "out",
            Request::get("/public/a%2F..%2F..%2Fadmin"),
            refused(403),
        ),
        case(
            "out of any number",
            Request::get("/docs/a%2F..%2F..%2Fadmin"),
            refused(403),
        ),
        case(
            "within any number",
            Request::get("/docs/a%2Fb"),
            sent("/docs/a/b"),
        ),
    ];
    scene
        .try_with(&allow(ALLOW), options, &allowing, is_not_public)
        .await;
    scene.end().await;
}
