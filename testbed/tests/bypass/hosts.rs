//! Hosts that mean one service to whoever judges and another to whoever serves.

use crate::judge::End::{ByDesign, Cut, Refused, Sent, Untried};
use crate::judge::{Echo, Wanted, per, refused, sent};
use crate::request::Request;
use crate::scene::{Case, Scene, allow, case, deny};

/// A host, what comes of it where `internal.shop` and `[fd00::1]` are denied, and what where only
/// `public.shop` is allowed.
type Row = (&'static str, &'static [u8], Wanted, Wanted);

const fn denied(weakness: &'static str, host: &'static [u8]) -> Row {
    (weakness, host, refused(403), refused(403))
}

const fn malformed(weakness: &'static str, host: &'static [u8]) -> Row {
    (weakness, host, refused(400), refused(400))
}

/// The same where HTTP/2's codec does not even answer.
const fn unspeakable(weakness: &'static str, host: &'static [u8]) -> Row {
    let end = per(Refused(400), Cut);
    (weakness, host, end, end)
}

const fn public(weakness: &'static str, host: &'static [u8]) -> Row {
    (weakness, host, sent("/"), sent("/"))
}

const fn another(weakness: &'static str, host: &'static [u8]) -> Row {
    (weakness, host, sent("/"), refused(403))
}

const ROWS: &[Row] = &[
    public("a plain host", b"public.shop"),
    denied("a plain host that is denied", b"internal.shop"),
    denied("CVE-2021-39155: case", b"InTeRnAl.Shop"),
    public("CVE-2021-39155: case, where it is allowed", b"PUBLIC.shop"),
    denied("a port", b"internal.shop:8080"),
    denied("CVE-2021-39155: case and a port", b"INTERNAL.SHOP:80"),
    denied("an empty port", b"internal.shop:"),
    denied("a port with zeros in front", b"internal.shop:0080"),
    denied("a trailing dot", b"internal.shop."),
    denied("a trailing dot and a port", b"internal.shop.:8080"),
    malformed("two trailing dots", b"internal.shop.."),
    malformed("an empty label", b"internal..shop"),
    malformed("two ports", b"internal.shop:80:80"),
    malformed("a port that is no number", b"internal.shop:x"),
    malformed("a port with a sign", b"internal.shop:+80"),
    malformed("a port of another host", b"public.shop:80:internal.shop"),
    unspeakable("user information", b"public.shop@internal.shop"),
    unspeakable("user information and a password", b"a:b@internal.shop"),
    malformed("two hosts, joined", b"public.shop,internal.shop"),
    unspeakable(
        "two hosts, joined with a space",
        b"internal.shop, public.shop",
    ),
    unspeakable("a path in the host", b"internal.shop/x"),
    unspeakable("a query in the host", b"internal.shop?public.shop"),
    unspeakable("a fragment in the host", b"internal.shop#public.shop"),
    unspeakable("a backslash in the host", b"internal.shop\\public.shop"),
    malformed("`;` in the host", b"internal.shop;public.shop"),
    malformed("an escape in the host", b"internal%2eshop"),
    unspeakable("a scheme in the host", b"http://internal.shop"),
    unspeakable("full-width letters", "ｉnternal.shop".as_bytes()),
    unspeakable("an ideographic full stop", "internal。shop".as_bytes()),
    unspeakable("overlong UTF-8", b"internal\xc0\xaeshop"),
    unspeakable("NUL", b"internal.shop\0.public.shop"),
    unspeakable("a tab within", b"internal.shop\tpublic.shop"),
    (
        "a carriage return, which Envoy drops",
        b"internal.shop\rpublic.shop",
        per(Sent("/"), Cut),
        per(Refused(403), Cut),
    ),
    denied("IPv6", b"[fd00::1]"),
    denied("IPv6 and a port", b"[fd00::1]:8080"),
    denied("IPv6: case", b"[FD00::1]"),
    malformed("IPv6: written out", b"[fd00:0:0:0:0:0:0:1]"),
    malformed("IPv6: zeros in front", b"[fd00::0001]"),
    malformed("IPv6: a zone", b"[fd00::1%25eth0]"),
    malformed("IPv6: no brackets", b"fd00::1"),
    malformed("IPv6: not closed", b"[fd00::1"),
    malformed("IPv6: something behind it", b"[fd00::1]internal.shop"),
    malformed("a name in brackets", b"[internal.shop]"),
    another(
        "another host that begins like it",
        b"internal.shop.evil.example",
    ),
    another("another host that ends like it", b"not-internal.shop"),
    another("an underscore", b"internal_shop"),
];

fn cases(outcome: impl Fn(&Row) -> Wanted) -> Vec<Case> {
    ROWS.iter()
        .map(|row| case(row.0, Request::get("/").host(row.1), outcome(row)))
        .collect()
}

/// Whether any reader could find this host in what the upstream heard.
fn names(echo: &Echo, host: &str) -> bool {
    let heard = echo.host().to_ascii_lowercase();
    let mut parts = heard.split([':', ',', '/', '@', ' ', ';', '?', '#', '\\']);
    parts.any(|part| part.trim_end_matches('.') == host) || heard.contains("fd00")
}

fn is_internal(echo: &Echo) -> bool {
    names(echo, "internal.shop")
}

fn is_not_public(echo: &Echo) -> bool {
    !names(echo, "public.shop")
}

const DENY: &str = "{to: [{operation: {hosts: [internal.shop, '[fd00::1]']}}]}";
const ALLOW: &str = "{to: [{operation: {hosts: [public.shop]}}]}";

#[tokio::test]
async fn a_host_means_one_service() {
    let mut scene = Scene::new("bypass-hosts").await;
    let denying = cases(|row| row.2);
    scene.try_all(&deny(DENY), &denying, is_internal).await;
    let allowing = cases(|row| row.3);
    scene.try_all(&allow(ALLOW), &allowing, is_not_public).await;
    scene.end().await;
}

/// More hosts than one, and none.
fn several(denying: bool) -> Vec<Case> {
    let end = |deny, allow| if denying { deny } else { allow };
    let plain = || Request::get("/").host("public.shop");
    vec![
        case(
            "a `Host` beside `:authority` is nobody's",
            plain().with("host", "internal.shop"),
            per(Refused(400), Sent("/")),
        ),
        case(
            "`:authority` beside an innocent `host`",
            Request::get("/")
                .host("internal.shop")
                .with("host", "public.shop"),
            per(Refused(400), Refused(403)),
        ),
        case(
            "the same host twice",
            plain().with("host", "public.shop"),
            per(Refused(400), Sent("/")),
        ),
        case(
            "a `host` alone is the authority",
            Request::get("/").no_host().with("host", "internal.shop"),
            refused(403),
        ),
        case(
            "no host",
            Request::get("/").no_host(),
            per(Refused(400), Cut),
        ),
        case(
            "an empty host",
            Request::get("/").host(""),
            end(per(Sent("/"), Untried), per(Refused(403), Untried)),
        ),
        case(
            "an absolute URI is judged by its own host",
            Request::get("http://internal.shop/").host("public.shop"),
            per(Refused(403), Cut),
        ),
        case(
            "an absolute URI: case of scheme and host",
            Request::get("HTTP://INTERNAL.shop:80/").host("public.shop"),
            per(Refused(403), Cut),
        ),
        case(
            "an absolute URI without a path",
            Request::get("http://internal.shop").host("public.shop"),
            per(Refused(403), Cut),
        ),
        case(
            "an absolute URI with only a query",
            Request::get("http://internal.shop?x").host("public.shop"),
            per(Refused(404), Cut),
        ),
        case(
            "an absolute URI with user information",
            Request::get("http://public.shop@internal.shop/").host("public.shop"),
            per(Refused(403), Cut),
        ),
        case(
            "an absolute URI of the public host goes there, whatever `Host` says",
            Request::get("http://public.shop/").host("internal.shop"),
            per(Sent("/"), Untried),
        ),
        case(
            "`x-forwarded-host` is not the host",
            plain().with("x-forwarded-host", "internal.shop"),
            per(Sent("/"), Sent("/")),
        ),
        case(
            "`x-forwarded-host` does not make it innocent",
            Request::get("/")
                .host("internal.shop")
                .with("x-forwarded-host", "public.shop"),
            refused(403),
        ),
    ]
}

#[tokio::test]
async fn one_of_several_hosts_is_judged_and_sent_on() {
    let mut scene = Scene::new("bypass-several-hosts").await;
    scene
        .try_all(&deny(DENY), &several(true), is_internal)
        .await;
    scene
        .try_all(&allow(ALLOW), &several(false), is_not_public)
        .await;
    scene.end().await;
}

/// A policy that reads `request.headers[host]` reads the authority, as in Istio.
#[tokio::test]
async fn a_condition_on_the_host_header_is_on_the_authority() {
    let mut scene = Scene::new("bypass-host-header").await;
    let rule = "{when: [{key: 'request.headers[host]', values: [internal.shop]}]}";
    let cases = [
        case(
            "the denied host",
            Request::get("/").host("internal.shop"),
            refused(403),
        ),
        case(
            "another host",
            Request::get("/").host("public.shop"),
            sent("/"),
        ),
        case(
            "the value is the whole authority: name hosts in `to.operation.hosts`",
            Request::get("/").host("internal.shop:80"),
            per(ByDesign("/"), ByDesign("/")),
        ),
    ];
    scene.try_all(&deny(rule), &cases, is_internal).await;
    scene.end().await;
}
