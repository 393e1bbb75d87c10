//! Headers by which some frameworks and gateways replace the path that was judged.
//!
//! Landbridge does not remove them: it cannot know which ones an upstream honours. They go on as
//! they came, the path is judged by itself, and a DENY of their presence keeps them out.

use crate::judge::{Echo, by_design, refused};
use crate::request::Request;
use crate::scene::{Case, Scene, allow, case, deny};

const HEADERS: &[&str] = &[
    "x-original-url",
    "x-rewrite-url",
    "x-original-uri",
    "x-envoy-original-path",
    "x-forwarded-uri",
    "x-forwarded-prefix",
    "x-accel-redirect",
    "x-http-destinationurl",
    "forwarded",
    "referer",
];

fn is_admin(echo: &Echo) -> bool {
    let mut said = HEADERS
        .iter()
        .flat_map(|name| echo.values(name).collect::<Vec<_>>());
    echo.path().starts_with("/admin") || said.any(|value| value.contains("/admin"))
}

#[tokio::test]
async fn a_header_does_not_replace_the_path_that_is_judged() {
    let mut scene = Scene::new("bypass-overrides").await;
    let of = |path: &'static str, value: &'static str, wanted| -> Vec<Case> {
        let each = |name: &&str| case(*name, Request::get(path).with(name, value), wanted);
        HEADERS.iter().map(each).collect()
    };
    let denies = deny("{to: [{operation: {paths: [/admin*]}}]}");
    // It does not make a denied path innocent.
    scene
        .try_all(&denies, &of("/admin", "/public/", refused(403)), is_admin)
        .await;
    // It goes on with an innocent one.
    let through = of("/public/a", "/admin", by_design("/public/a"));
    scene.try_all(&denies, &through, is_admin).await;
    let allows = allow("{to: [{operation: {paths: [/public/*]}}]}");
    scene.try_all(&allows, &through, is_admin).await;
    scene
        .try_all(&allows, &of("/admin", "/public/", refused(403)), is_admin)
        .await;
    // What an author does about it.
    let rules: Vec<String> = HEADERS
        .iter()
        .map(|name| format!("{{when: [{{key: 'request.headers[{name}]', values: ['*']}}]}}"))
        .collect();
    let kept_out = of("/public/a", "/admin", refused(403));
    scene
        .try_all(&deny(&rules.join(", ")), &kept_out, is_admin)
        .await;
    scene.end().await;
}
