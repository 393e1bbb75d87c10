//! Tokens, as Envoy's own JWT filter verifies them in front of ours: who has none that is good
//! says nothing, in whatever way.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use landbridge_testbed::Filter;
use landbridge_testbed::jwt::KeySet;
use ring::hmac;
use serde_json::{Value, json};

use crate::judge::{Echo, Wanted, by_design, refused, sent};
use crate::request::Request;
use crate::scene::{Case, Scene, allow, case, deny};

const ISSUER: &str = "https://issuer.example";
const ALICE: &str = "{from: [{source: {requestPrincipals: ['https://issuer.example/alice']}}]}";
const BLOCKED: &str = "{when: [{key: 'request.auth.claims[groups]', values: [blocked]}]}";
const ADMIN: &str = "{when: [{key: 'request.auth.claims[groups]', values: [admin]}]}";

async fn scene(name: &str, keys: &KeySet) -> Scene {
    let filters = [Filter::jwt(keys), Filter::wasm("authz").unwrap()];
    Scene::with(name, |mesh| mesh.filters(filters)).await
}

fn claims(subject: &str, groups: &Value) -> Value {
    json!({"iss": ISSUER, "sub": subject, "groups": groups})
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn with_token(token: &str) -> Request {
    Request::get("/").with("authorization", bearer(token))
}

fn part(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

/// Every token that the upstream heard, in whatever place.
fn tokens(echo: &Echo) -> usize {
    let headers = ["authorization", "cookie"].map(|name| echo.values(name).collect::<Vec<_>>());
    let headers = headers.concat().join(",");
    let text = format!("{headers},{}", echo.path());
    text.matches("eyJ").count().div_ceil(2)
}

fn has_several(echo: &Echo) -> bool {
    tokens(echo) > 1
}

/// What comes of a request where only `alice` is allowed, and where `blocked` is denied.
struct Row(&'static str, Request, Wanted, Wanted);

fn forged(keys: &KeySet) -> Vec<Row> {
    let admin = claims("alice", &json!(["admin"]));
    let good = keys.mint(&admin);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let stranger = KeySet::new().unwrap().mint(&admin);
    let mut expired = admin.clone();
    expired["exp"] = json!(1_600_000_000);
    let mut early = admin.clone();
    early["nbf"] = json!(4_100_000_000_u64);
    let none = |alg: &str| {
        format!(
            "{}.{}.",
            part(&json!({"alg": alg, "typ": "JWT"})),
            part(&admin)
        )
    };
    // The public key, taken for a secret.
    let confused = {
        let head = part(&json!({"alg": "HS256", "kid": "testbed", "typ": "JWT"}));
        let signed = format!("{head}.{}", part(&admin));
        let key = hmac::Key::new(hmac::HMAC_SHA256, keys.jwks().to_string().as_bytes());
        let tag = hmac::sign(&key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let brought = {
        let own = KeySet::new().unwrap();
        let jwk = own.jwks()["keys"][0].clone();
        let head = part(&json!({"alg": "ES256", "jwk": jwk, "typ": "JWT"}));
        let token = own.mint(&admin);
        let (_, signature) = token.rsplit_once('.').unwrap();
        format!("{head}.{}.{signature}", part(&admin))
    };
    let another = keys.mint(&claims("mallory", &json!(["blocked"])));
    let swapped = format!("{head}.{}", another.rsplit_once('.').unwrap().1);
    let payload = STANDARD.encode(admin.to_string());
    let (no, bad) = (refused(403), refused(401));
    let plain = || Request::get("/");
    let mut rows = vec![
        Row("a good token", with_token(&good), sent("/"), sent("/")),
        Row("another's good token", with_token(&another), no, no),
        Row("no token", plain(), no, no),
        Row("`alg: none`", with_token(&none("none")), bad, bad),
        Row("`alg: None`", with_token(&none("None")), bad, bad),
        Row(
            "`alg: HS256` by the public key",
            with_token(&confused),
            bad,
            bad,
        ),
        Row(
            "a key that the token brings",
            with_token(&brought),
            bad,
            bad,
        ),
        Row(
            "a strange key of the same name",
            with_token(&stranger),
            bad,
            bad,
        ),
        Row("another token's signature", with_token(&swapped), bad, bad),
        Row("no signature", with_token(&format!("{head}.")), bad, bad),
        Row(
            "an expired token",
            with_token(&keys.mint(&expired)),
            bad,
            bad,
        ),
        Row(
            "one that is not valid yet",
            with_token(&keys.mint(&early)),
            bad,
            bad,
        ),
        Row("a cut token", with_token(head), bad, bad),
        Row(
            "a longer signature",
            with_token(&format!("{good}AAAA")),
            bad,
            bad,
        ),
        Row(
            "a signature of other letters",
            with_token(&format!("{head}.{}", signature.to_ascii_lowercase())),
            bad,
            bad,
        ),
        Row(
            "the scheme in lower case is no token to Envoy",
            plain().with("authorization", format!("bearer {another}")),
            no,
            no,
        ),
        Row("no scheme", plain().with("authorization", &another), no, no),
        Row(
            "a token in a cookie",
            plain().with("cookie", format!("access_token={good}")),
            no,
            no,
        ),
        Row(
            "a forged token in the query",
            Request::get(format!("/?access_token={stranger}")),
            bad,
            bad,
        ),
        Row(
            "a forged token in the query beside a good one",
            Request::get(format!("/?access_token={stranger}")).with("authorization", bearer(&good)),
            bad,
            bad,
        ),
        Row(
            "a preflight, which Envoy does not ask for a token",
            Request::new("OPTIONS", "/")
                .with("origin", "https://shop.example")
                .with("access-control-request-method", "GET")
                .with("authorization", bearer(&stranger)),
            no,
            no,
        ),
    ];
    for name in [
        "x-jwt-payload",
        "x-envoy-jwt-payload",
        "sec-istio-auth-userinfo",
        "x-istio-attributes",
        "x-goog-authenticated-user-email",
        "x-endpoint-api-userinfo",
        "x-forwarded-user",
        "x-envoy-dynamic-metadata",
        "envoy.filters.http.jwt_authn",
        "x-landbridge-claims",
    ] {
        let text = |value: &str| plain().with(name, value);
        rows.push(Row(name, text(&payload), no, no));
        rows.push(Row(name, text(&admin.to_string()), no, no));
        rows.push(Row(name, text(&bearer(&good)), no, no));
    }
    rows
}

#[tokio::test]
async fn nobody_is_who_a_token_says_that_nobody_signed() {
    let keys = KeySet::new().unwrap();
    let mut scene = scene("bypass-tokens", &keys).await;
    let cases = |outcome: fn(&Row) -> Wanted| -> Vec<Case> {
        let of = |row: Row| {
            let wanted = outcome(&row);
            case(row.0, row.1, wanted)
        };
        forged(&keys).into_iter().map(of).collect()
    };
    let (allowing, denying) = (cases(|row| row.2), cases(|row| row.3));
    scene.try_all(&allow(ALICE), &allowing, has_several).await;
    scene.try_all(&deny(BLOCKED), &denying, has_several).await;
    scene.end().await;
}

/// Which of several tokens is judged, and which an upstream looks at, are two questions.
#[tokio::test]
async fn of_several_tokens_one_is_judged() {
    let keys = KeySet::new().unwrap();
    let alice = keys.mint(&claims("alice", &json!(["admin"])));
    let mallory = keys.mint(&claims("mallory", &json!(["blocked"])));
    let stranger = KeySet::new()
        .unwrap()
        .mint(&claims("root", &json!(["admin"])));
    let twice = |first: &str, second: &str| {
        Request::get("/")
            .with("authorization", bearer(first))
            .with("authorization", bearer(second))
    };
    let joined = |value: String| Request::get("/").with("authorization", value);
    let mut scene = scene("bypass-several-tokens", &keys).await;
    let query = |token: &str| -> &'static str { format!("/?access_token={token}").leak() };
    let beside = |path: &str, token: &str| Request::get(path).with("authorization", bearer(token));
    let in_query = query(&mallory);
    let several = [
        case(
            "twice, a good one first",
            twice(&alice, &stranger),
            refused(401),
        ),
        case(
            "twice, a good one last",
            twice(&stranger, &alice),
            refused(401),
        ),
        case("twice the same", twice(&alice, &alice), refused(401)),
        case("another's first", twice(&mallory, &alice), refused(401)),
        case("another's last", twice(&alice, &mallory), refused(401)),
        case(
            "in one header",
            joined(format!("Bearer {alice} {stranger}")),
            refused(401),
        ),
        case(
            "in one header, with a comma",
            joined(format!("Bearer {alice}, Bearer {stranger}")),
            refused(401),
        ),
        case(
            "behind another scheme",
            joined(format!("Basic {stranger} Bearer {alice}")),
            by_design("/"),
        ),
        case(
            "another's in the query",
            beside(in_query, &alice),
            by_design(in_query),
        ),
        case(
            "another's in the header",
            beside(query(&alice), &mallory),
            refused(403),
        ),
        case(
            "only another's in the query",
            Request::get(in_query),
            refused(403),
        ),
    ];
    scene.try_all(&allow(ALICE), &several, has_several).await;
    scene.try_all(&deny(BLOCKED), &several, has_several).await;
    scene.end().await;
}

/// What a claim is, and what only looks like it.
#[tokio::test]
async fn a_claim_is_a_text_or_one_of_a_list() {
    let keys = KeySet::new().unwrap();
    let mut scene = scene("bypass-claims", &keys).await;
    let never: fn(&Echo) -> bool = |_| false;
    let (yes, no) = (sent("/"), refused(403));
    let rows: Vec<(Value, Wanted)> = vec![
        (json!("admin"), yes),
        (json!(["admin"]), yes),
        (json!(["x", "admin"]), yes),
        (json!("x,admin"), no),
        (json!("x admin"), no),
        (json!("admin "), no),
        (json!("Admin"), no),
        (json!("admin\u{0}"), no),
        (json!("\u{ff41}dmin"), no),
        (json!(["x,admin"]), no),
        (json!("[\"admin\"]"), no),
        (json!([["admin"]]), no),
        (json!({"admin": true}), no),
        (json!({"name": "admin"}), no),
        (json!(true), no),
        (json!(0), no),
        (json!(null), no),
        (json!([]), no),
        (json!(""), no),
    ];
    let cases: Vec<Case> = rows
        .into_iter()
        .map(|(groups, wanted)| {
            let token = keys.mint(&claims("bob", &groups));
            case(format!("groups: {groups}"), with_token(&token), wanted)
        })
        .collect();
    scene.try_all(&allow(ADMIN), &cases, never).await;
    // A claim beside the payload, or with a dot in its name, is another.
    let cases: Vec<Case> = [
        json!({"iss": ISSUER, "sub": "bob", "payload": {"groups": ["admin"]}}),
        json!({"iss": ISSUER, "sub": "bob", "payload.groups": ["admin"]}),
        json!({"iss": ISSUER, "sub": "bob", "Groups": ["admin"]}),
        json!({"iss": ISSUER, "sub": "bob", "groups ": ["admin"]}),
    ]
    .iter()
    .map(|claims| case(claims.to_string(), with_token(&keys.mint(claims)), no))
    .collect();
    scene.try_all(&allow(ADMIN), &cases, never).await;
    // Issuer and subject are two texts, and no lists.
    let cases: Vec<Case> = [
        json!({"iss": "https:", "sub": "/issuer.example/alice"}),
        json!({"iss": format!("{ISSUER}/alice"), "sub": ""}),
        json!({"iss": format!("{ISSUER}/"), "sub": "alice"}),
        json!({"iss": "HTTPS://issuer.example", "sub": "alice"}),
        json!({"iss": ISSUER, "sub": "alice/x"}),
        json!({"iss": ISSUER, "name": "alice"}),
        json!({"sub": "alice"}),
    ]
    .iter()
    .map(|claims| case(claims.to_string(), with_token(&keys.mint(claims)), no))
    .collect();
    scene.try_all(&allow(ALICE), &cases, never).await;
    // Denied: a text or one of a list; and whoever has no such claim is not.
    let rows = [
        (json!("blocked"), no),
        (json!(["x", "blocked"]), no),
        (json!(["x"]), yes),
        (json!(null), yes),
    ];
    let cases: Vec<Case> = rows
        .into_iter()
        .map(|(groups, wanted)| {
            let token = keys.mint(&claims("bob", &groups));
            case(format!("groups: {groups}"), with_token(&token), wanted)
        })
        .collect();
    scene.try_all(&deny(BLOCKED), &cases, never).await;
    scene.end().await;
}
