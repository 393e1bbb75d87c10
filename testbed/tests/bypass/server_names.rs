//! A server name in TLS and a host in the request that do not agree ("domain fronting").

use landbridge_testbed::Call;

use crate::judge::{Echo, Wanted, by_design, refused, sent};
use crate::request::Request;
use crate::scene::{Scene, allow, caller, case, deny};

fn is_internal(echo: &Echo) -> bool {
    echo.host()
        .to_ascii_lowercase()
        .starts_with("internal.shop")
}

#[tokio::test]
async fn a_server_name_and_a_host_are_judged_each_by_itself() {
    let mut scene = Scene::new("bypass-server-names").await;
    let host = "to: [{operation: {hosts: [public.shop]}}]";
    let name = |values: &str| format!("when: [{{key: connection.sni, values: [{values}]}}]");
    let allow_both = allow(&format!("{{{host}, {}}}", name("public.shop")));
    let allow_name = allow(&format!("{{{}}}", name("public.shop")));
    let deny_host = deny("{to: [{operation: {hosts: [internal.shop]}}]}");
    let deny_name = deny(&format!("{{{}}}", name("internal.shop")));
    let (yes, no) = (sent("/"), refused(403));
    // The name, the host, and what comes of it under each policy.
    let rows: &[(Option<&str>, &str, [Wanted; 4])] = &[
        (Some("public.shop"), "public.shop", [yes, yes, yes, yes]),
        (
            Some("public.shop"),
            "internal.shop",
            [no, by_design("/"), no, by_design("/")],
        ),
        (Some("internal.shop"), "public.shop", [no, no, yes, no]),
        (Some("internal.shop"), "internal.shop", [no, no, no, no]),
        (
            Some("public.shop.internal.shop"),
            "public.shop",
            [no, no, yes, yes],
        ),
        (None, "public.shop", [no, no, yes, yes]),
        (None, "internal.shop", [no, no, no, by_design("/")]),
    ];
    for (place, policy) in [allow_both, allow_name, deny_host, deny_name]
        .iter()
        .enumerate()
    {
        for (name, host, wanted) in rows {
            let way = Call::get("/").from(caller()).to("use1-a");
            scene.way = match name {
                Some(name) => way.sni(*name),
                None => way,
            };
            let weakness = format!("{name:?} and {host}, policy {place}");
            let case = case(weakness, Request::get("/").host(host), wanted[place]);
            scene.try_all(policy, &[case], is_internal).await;
        }
    }
    scene.end().await;
}
