//! What is not understood is refused, with its place.

use landbridge_testbed::istio::{Control, Manifests};

fn refused(manifests: &str) -> String {
    let manifests = match Manifests::parse(manifests) {
        Ok(manifests) => manifests,
        Err(problem) => return problem.to_string(),
    };
    let control = Control::new("istio-system", &manifests, Vec::new());
    control.unwrap_err().to_string()
}

fn object(api: &str, kind: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: {api}/v1\nkind: {kind}\nmetadata: {{name: it, namespace: shop}}\nspec: {spec}\n"
    )
}

#[test]
fn nothing_is_left_out_in_silence() {
    let plugin = |spec: &str| object("extensions.istio.io", "WasmPlugin", spec);
    let routes = |spec: &str| object("networking.istio.io", "VirtualService", spec);
    let cases = [
        (plugin("{url: oci://r/x, fase: AUTHZ}"), "spec.fase"),
        (plugin("{phase: AUTHZ}"), "spec.url"),
        (
            plugin("{url: oci://r/x, phase: LATE}"),
            "`LATE` is no phase",
        ),
        (
            plugin("{url: oci://r/x, failStrategy: FAIL}"),
            "spec.failStrategy",
        ),
        (
            plugin(
                "{url: oci://r/x, selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: a}]}",
            ),
            "only one of",
        ),
        (
            plugin(&format!(
                "{{url: oci://r/x, targetRefs: [{}]}}",
                ["{kind: Service, name: a}"; 17].join(", ")
            )),
            "there are 17",
        ),
        (
            routes("{hosts: [a], http: [{route: [{destination: {host: a}}], mirror: {host: b}}]}"),
            "spec.http[0].mirror",
        ),
        (
            routes("{hosts: [a], http: [{match: [{uri: {prefix: /}}]}]}"),
            "leads nowhere",
        ),
        (
            object(
                "networking.istio.io",
                "DestinationRule",
                "{host: a, trafficPolicy: {tls: {mode: DISABLE}}}",
            ),
            "spec.trafficPolicy.tls.mode",
        ),
        (
            object(
                "networking.istio.io",
                "EnvoyFilter",
                "{configPatches: [{applyTo: LISTENER, patch: {operation: MERGE, value: {}}}]}",
            ),
            "MERGE of LISTENER",
        ),
        (
            object("security.istio.io", "AuthorizationPolicy", "{}"),
            "AuthorizationPolicy",
        ),
        ("kind: Pod\n".to_owned(), "apiVersion"),
        ("kind: [\n".to_owned(), "the manifests"),
    ];
    for (manifests, expected) in cases {
        let found = refused(&manifests);
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn two_objects_for_one_host_are_refused() {
    let route = "{hosts: [orders], http: [{route: [{destination: {host: orders}}]}]}";
    let one = object("networking.istio.io", "VirtualService", route);
    let other = one.replace("name: it", "name: other");
    let found = refused(&format!("{one}{other}"));
    assert!(
        found.contains("has routes in VirtualService shop/it too"),
        "{found}"
    );
}
