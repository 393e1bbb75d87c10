//! What Envoy itself offers to try a request in another cluster when one has failed it, and whether the order
//! can be chosen for each request, as the residency of its data demands. Each is tried in the client sidecar of `use1-a`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landbridge_testbed::{Call, Failure, Mesh, Reply, Side, Workload};
use serde_json::{Value, json};

const A: &str = "use1-a";
const B: &str = "use1-b";
const EU: &str = "euw1-a";
const TYPE: &str = "type.googleapis.com/envoy";

/// Starts a mesh and gives the client sidecar of `use1-a` these routes, before its own, and clusters.
async fn mesh(name: &str, routes: Vec<Value>, clusters: Vec<Value>, filters: Vec<Value>) -> Mesh {
    let mesh = Mesh::builder(name).filters([]).start().await.unwrap();
    let path = mesh.folder().join("use1-a-client.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let all = &mut config["static_resources"];
    all["clusters"].as_array_mut().unwrap().extend(clusters);
    let manager = &mut all["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let http_filters = manager["http_filters"].as_array_mut().unwrap();
    http_filters.splice(0..0, filters);
    let table = &mut manager["route_config"]["virtual_hosts"][0]["routes"];
    table.as_array_mut().unwrap().splice(0..0, routes);
    std::fs::write(&path, config.to_string()).unwrap();
    mesh.restart(A, Side::Client).await.unwrap();
    mesh
}

fn subset(cluster: &str) -> String {
    format!("outbound|8080|{cluster}|orders.shop.svc.cluster.local")
}

fn call() -> Call {
    let frontend = Workload::new(A, "shop", "frontend");
    Call::get("/orders").from(frontend).via_sidecar()
}

async fn reply(mesh: &Mesh, call: Call) -> Reply {
    mesh.call(call).await.unwrap()
}

async fn served(mesh: &Mesh, call: Call) -> String {
    let reply = reply(mesh, call).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["cluster"].as_str().unwrap().to_owned()
}

/// How many requests each cluster has received.
fn requests(mesh: &Mesh) -> [u64; 3] {
    [A, B, EU].map(|cluster| mesh.upstream(cluster).requests())
}

/// A route for requests with `x-order: ORDER`; it retries on any server error, and gRPC's "unavailable".
fn route(order: &str, action: Value) -> Value {
    let mut route = json!({
        "match": {
            "prefix": "/",
            "headers": [{"name": "x-order", "string_match": {"exact": order}}],
        },
        "route": {
            "timeout": "5s",
            "retry_policy": {"retry_on": "5xx,reset,connect-failure,unavailable", "num_retries": 2},
        },
    });
    merge(&mut route["route"], action);
    route
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// A cluster made of others, in this order.
fn made_of(kind: &str, name: &str, clusters: &[&str]) -> Value {
    let named: Vec<_> = clusters.iter().map(|one| subset(one)).collect();
    let clusters = match kind {
        "composite" => named.iter().map(|name| json!({"name": name})).collect(),
        _ => named.into_iter().map(Value::from).collect::<Vec<_>>(),
    };
    json!({
        "name": name,
        "connect_timeout": "1s",
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {
            "name": format!("envoy.clusters.{kind}"),
            "typed_config": {
                "@type": format!("{TYPE}.extensions.clusters.{kind}.v3.ClusterConfig"),
                "clusters": clusters,
            },
        },
    })
}

/// (a) Istio's retries go to where the route goes: to nobody else, if that cluster is gone.
#[tokio::test]
async fn istios_route_retries_within_its_cluster_only() {
    let mesh = mesh("retry-istio", vec![], vec![], vec![]).await;
    mesh.kill(B, Side::Server).unwrap();
    let lost = reply(&mesh, call().to(B)).await;
    assert_eq!(lost.status, 503);
    assert_eq!(requests(&mesh), [0, 0, 0]);
    let stats = mesh.stats(A, Side::Client).await.unwrap();
    let name = subset(B);
    let cluster = [("cluster_name", name.as_str())];
    // Three attempts, all at the one endpoint.
    assert_eq!(stats.sum("envoy_cluster_upstream_rq_retry", &cluster), 2.0);
    assert_eq!(
        stats.sum("envoy_cluster_upstream_rq_retry_success", &cluster),
        0.0
    );

    // An error that the service itself answers is not tried again at all.
    mesh.upstream(EU).set_status(503);
    assert_eq!(reply(&mesh, call().to(EU)).await.status, 503);
    assert_eq!(requests(&mesh), [0, 0, 1]);
}

/// (b) An aggregate cluster with a retry priority that avoids those tried.
#[tokio::test]
async fn an_aggregate_cluster_retries_at_the_next_priority() {
    let policy = |cluster: &str| {
        json!({
            "cluster": cluster,
            "retry_policy": {"retry_priority": {
                "name": "envoy.retry_priorities.previous_priorities",
                "typed_config": {
                    "@type": format!("{TYPE}.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"),
                    "update_frequency": 1,
                },
            }},
        })
    };
    let mesh = mesh(
        "retry-aggregate",
        vec![route("us", policy("us")), route("eu", policy("eu"))],
        vec![
            made_of("aggregate", "us", &[A, B]),
            made_of("aggregate", "eu", &[EU, A]),
        ],
        vec![],
    )
    .await;
    let us = || call().header("x-order", "us");
    assert_eq!(served(&mesh, us()).await, A);
    mesh.upstream(A).set_status(503);
    assert_eq!(served(&mesh, us()).await, B);
    assert_eq!(requests(&mesh), [2, 1, 0]);
    // The order is the route's: what a request can choose is one of the orders that there are.
    assert_eq!(served(&mesh, call().header("x-order", "eu")).await, EU);
    mesh.kill(A, Side::Server).unwrap();
    assert_eq!(served(&mesh, us()).await, B);
    // Nowhere else, even if both are gone.
    mesh.kill(B, Side::Server).unwrap();
    assert_eq!(reply(&mesh, us()).await.status, 503);
    assert_eq!(requests(&mesh), [2, 2, 1]);
}

/// (c) A composite cluster, which goes by the number of the attempt.
#[tokio::test]
async fn a_composite_cluster_retries_in_the_next_cluster() {
    let to = |cluster: &str| json!({"cluster": cluster});
    let mesh = mesh(
        "retry-composite",
        vec![route("us", to("us")), route("b-first", to("b-first"))],
        vec![
            made_of("composite", "us", &[A, B]),
            made_of("composite", "b-first", &[B, A]),
        ],
        vec![],
    )
    .await;
    let us = || call().header("x-order", "us");
    let b_first = || call().header("x-order", "b-first");
    assert_eq!(served(&mesh, us()).await, A);
    assert_eq!(served(&mesh, b_first()).await, B);
    mesh.upstream(A).set_status(503);
    assert_eq!(served(&mesh, us()).await, B);
    assert_eq!(requests(&mesh), [2, 2, 0]);
    // A body is sent again too.
    let post = Call::post("/orders", "12345").from(Workload::new(A, "shop", "frontend"));
    let answer = reply(&mesh, post.via_sidecar().header("x-order", "us")).await;
    assert_eq!(
        (answer.status, &answer.json()["body_len"]),
        (200, &json!(5))
    );
    assert_eq!(answer.json()["cluster"], B);

    // A third attempt has no cluster to go to.
    mesh.upstream(B).set_status(503);
    assert_eq!(reply(&mesh, us()).await.status, 503);
    assert_eq!(requests(&mesh), [4, 4, 0]);
    mesh.upstream(B).set_status(200);
    mesh.kill(A, Side::Server).unwrap();
    assert_eq!(served(&mesh, us()).await, B);
    assert_eq!(requests(&mesh), [4, 5, 0]);
}

/// A group of one cluster.
fn group(cluster: &str) -> Value {
    let one = json!({"cluster_name": subset(cluster), "weight": 1});
    json!({"name": cluster, "clusters": [one]})
}

/// The action of a route whose clusters are tried in turn.
fn groups(clusters: &[&str], refresh: bool) -> Value {
    let groups = clusters.iter().map(|one| group(one));
    json!({
        "inline_cluster_specifier_plugin": {"extension": {
            "name": "envoy.router.cluster_specifier_plugin.priority_group",
            "typed_config": {
                "@type": format!("{TYPE}.extensions.router.cluster_specifiers.priority_group.v3.PriorityGroupClusterSpecifier"),
                "priority_groups": groups.collect::<Vec<_>>(),
                "override_metadata_namespace": "landbridge.order",
            },
        }},
        "retry_policy": {"refresh_cluster_on_retry": refresh},
    })
}

/// (d) A cluster specifier that goes by the number of the attempt, with a policy that has the router ask it again.
#[tokio::test]
async fn a_priority_group_retries_in_the_next_group() {
    let mesh = mesh(
        "retry-groups",
        vec![
            route("us", groups(&[A, B], true)),
            route("eu", groups(&[EU, A], true)),
            route("stay", groups(&[A, B], false)),
        ],
        vec![],
        vec![],
    )
    .await;
    let us = || call().header("x-order", "us");
    assert_eq!(served(&mesh, us()).await, A);
    assert_eq!(served(&mesh, call().header("x-order", "eu")).await, EU);
    mesh.upstream(A).set_status(503);
    assert_eq!(served(&mesh, us()).await, B);
    assert_eq!(requests(&mesh), [2, 1, 1]);
    // Without the refresh it stays with the first.
    let stay = call().header("x-order", "stay");
    assert_eq!(reply(&mesh, stay).await.status, 503);
    assert_eq!(requests(&mesh), [5, 1, 1]);
    mesh.kill(A, Side::Server).unwrap();
    assert_eq!(served(&mesh, us()).await, B);
    // It leads nowhere else.
    mesh.kill(B, Side::Server).unwrap();
    assert_eq!(reply(&mesh, us()).await.status, 503);
    assert_eq!(requests(&mesh), [5, 2, 1]);
}

/// (d) The order of the groups is the request's own, where a filter writes it into dynamic metadata.
#[tokio::test]
async fn a_request_can_bring_the_order_of_its_groups() {
    let code = "function envoy_on_request(handle)
        local order = handle:headers():get('x-list')
        if order == nil then return end
        local groups = {}
        for name in string.gmatch(order, '[^,]+') do
            local full = 'outbound|8080|' .. name .. '|orders.shop.svc.cluster.local'
            table.insert(groups, {name = name, clusters = {{cluster_name = full, weight = 1}}})
        end
        handle:streamInfo():dynamicMetadata():set('landbridge.order', 'priority_groups', groups)
        handle:clearRouteCache()
    end";
    let lua = json!({
        "name": "order",
        "typed_config": {
            "@type": format!("{TYPE}.extensions.filters.http.lua.v3.Lua"),
            "default_source_code": {"inline_string": code},
        },
    });
    let groups = vec![route("us", groups(&[A, B], true))];
    let mesh = mesh("retry-own-groups", groups, vec![], vec![lua]).await;
    let list = |list: &str| call().header("x-order", "us").header("x-list", list);
    assert_eq!(served(&mesh, list("euw1-a,use1-b")).await, EU);
    mesh.upstream(EU).set_status(503);
    assert_eq!(served(&mesh, list("euw1-a,use1-b")).await, B);
    assert_eq!(served(&mesh, list("euw1-a,use1-a")).await, A);
    assert_eq!(requests(&mesh), [1, 1, 3]);
    // Who brings one group stays with it, whatever the route would have had next.
    assert_eq!(reply(&mesh, list("euw1-a")).await.status, 503);
    assert_eq!(requests(&mesh), [1, 1, 6]);
    // After the last group comes the last group.
    mesh.upstream(B).set_status(503);
    assert_eq!(reply(&mesh, list("euw1-a,use1-b")).await.status, 503);
    assert_eq!(requests(&mesh), [1, 3, 7]);
}

/// (d) The same without a script: what a Wasm filter can write is a header, and Envoy's own filter makes metadata of it.
/// The route is chosen before that, so the first attempt goes where the route says.
#[tokio::test]
async fn a_header_can_bring_the_order_of_the_retries() {
    let to_metadata = json!({
        "name": "order",
        "typed_config": {
            "@type": format!("{TYPE}.extensions.filters.http.header_to_metadata.v3.Config"),
            "request_rules": [{
                "header": "x-landbridge-order",
                "on_header_present": {
                    "metadata_namespace": "landbridge.order",
                    "key": "priority_groups",
                    "type": "PROTOBUF_VALUE",
                    "encode": "BASE64",
                },
                "remove": true,
            }],
        },
    });
    let routes = [A, B, EU].map(|cluster| {
        let mut route = route("", groups(&[cluster], true));
        route["match"]["headers"] =
            json!([{"name": "x-landbridge-cluster", "string_match": {"exact": cluster}}]);
        route
    });
    let mesh = mesh(
        "retry-by-header",
        routes.to_vec(),
        vec![],
        vec![to_metadata],
    )
    .await;
    let list = |clusters: &[&str]| {
        let groups: Vec<_> = clusters.iter().map(|one| group(one)).collect();
        let order = STANDARD.encode(protobuf(&json!(groups)));
        call().to(clusters[0]).header("x-landbridge-order", order)
    };
    let answer = reply(&mesh, list(&[EU, B])).await;
    assert_eq!(answer.json()["cluster"], EU);
    assert_eq!(answer.received("x-landbridge-order"), [""; 0]);
    mesh.upstream(EU).set_status(503);
    assert_eq!(served(&mesh, list(&[EU, B])).await, B);
    assert_eq!(served(&mesh, list(&[EU, A])).await, A);
    assert_eq!(requests(&mesh), [1, 1, 3]);
    // What may go nowhere else goes nowhere else.
    assert_eq!(reply(&mesh, list(&[EU])).await.status, 503);
    assert_eq!(requests(&mesh), [1, 1, 6]);
    // Without an order, or with one that is none, the route's is kept.
    assert_eq!(reply(&mesh, call().to(EU)).await.status, 503);
    let odd = call().to(EU).header("x-landbridge-order", "????");
    assert_eq!(reply(&mesh, odd).await.status, 503);
    assert_eq!(requests(&mesh), [1, 1, 12]);
}

/// (d) What is sent again: whatever Envoy still has.
#[tokio::test]
async fn a_body_is_sent_again_while_it_fits_the_buffer() {
    let routes = vec![route("eu", groups(&[EU, B], true))];
    let mesh = mesh("retry-bodies", routes, vec![], vec![]).await;
    let frontend = || Workload::new(A, "shop", "frontend");
    mesh.upstream(EU).set_status(503);
    for (length, status, by) in [(5, 200, B), (900_000, 200, B), (3_000_000, 503, EU)] {
        let post = Call::post("/orders", vec![b'x'; length]).from(frontend());
        let answer = reply(&mesh, post.via_sidecar().header("x-order", "eu")).await;
        let echo = answer.json();
        assert_eq!(
            (answer.status, &echo["cluster"]),
            (status, &json!(by)),
            "{length}"
        );
        assert_eq!(echo["body_len"], length);
    }
    // A gRPC call whose answer is an error without a message.
    mesh.upstream(EU).set_failure(Failure::Reset);
    let list = Call::grpc("/shop.Orders/List").from(frontend());
    let answer = reply(&mesh, list.via_sidecar().header("x-order", "eu")).await;
    assert_eq!(
        (answer.grpc_status(), &answer.json()["cluster"]),
        (Some(0), &json!(B))
    );
}

/// A `google.protobuf.Value`, encoded.
fn protobuf(value: &Value) -> Vec<u8> {
    let field = |number: u8, content: Vec<u8>| {
        let mut length = content.len();
        let mut bytes = vec![number << 3 | 2];
        while length >= 0x80 {
            bytes.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(content);
        bytes
    };
    match value {
        Value::Null => vec![1 << 3, 0],
        Value::Bool(value) => vec![4 << 3, u8::from(*value)],
        Value::Number(value) => {
            let double = value.as_f64().unwrap().to_le_bytes();
            [vec![2 << 3 | 1], double.to_vec()].concat()
        }
        Value::String(value) => field(3, value.clone().into_bytes()),
        Value::Array(values) => {
            let values = values.iter().flat_map(|value| field(1, protobuf(value)));
            field(6, values.collect())
        }
        Value::Object(fields) => {
            let entries = fields.iter().flat_map(|(name, value)| {
                let name = field(1, name.clone().into_bytes());
                field(1, [name, field(2, protobuf(value))].concat())
            });
            field(5, entries.collect())
        }
    }
}
