//! Requests that wait for a tick.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::setup::{HERE, TICK, builder, edit, get, is_well, logged, mesh, told};
use landbridge_testbed::{
    Call, CallError, Delivery, Mesh, PeerAuthentication, Reply, SERVICE_PORT, Workload,
};
use serde_json::json;

fn delayed(call: Call, ticks: u32) -> Call {
    call.header("x-delay-ticks", ticks.to_string())
}

async fn reply(mesh: &Mesh, call: Call) -> Reply {
    mesh.call(call).await.unwrap()
}

/// How long the filter had it wait.
fn waited(reply: &Reply) -> Duration {
    let waited = reply.header("x-waited-ms").unwrap();
    Duration::from_millis(waited.parse().unwrap())
}

/// It waited for so many ticks: the first may come at once, and each may come late.
fn waited_for(reply: &Reply, ticks: u32) {
    let (least, most) = (TICK * (ticks - 1), TICK * (ticks + 1) * 3);
    let waited = waited(reply);
    assert!(waited + Duration::from_millis(2) >= least, "{waited:?}");
    assert!(waited < most, "{waited:?} for {ticks} ticks");
}

fn grpc() -> Call {
    let frontend = Workload::new(HERE, "shop", "frontend");
    Call::grpc("/shop.Orders/List").from(frontend).to(HERE)
}

#[tokio::test]
async fn a_request_goes_on_at_its_tick() {
    let mesh = mesh("host-delays", "").await;
    for ticks in [1, 2, 4, 8] {
        let answer = reply(&mesh, delayed(get(), ticks)).await;
        println!("{ticks} ticks: {:?}", waited(&answer));
        assert_eq!((answer.status, answer.header("x-late")), (200, None));
        waited_for(&answer, ticks);
    }
    let body = vec![b'x'; 100_000];
    for call in [
        Call::post("/orders", body.clone()),
        Call::post("/orders", body).http2(),
    ] {
        let call = call.from(Workload::new(HERE, "shop", "frontend")).to(HERE);
        let answer = reply(&mesh, delayed(call, 2)).await;
        assert_eq!(
            (answer.status, &answer.json()["body_len"]),
            (200, &json!(100_000))
        );
        assert_eq!(answer.received("x-late"), [""; 0]);
        waited_for(&answer, 2);
    }
    let answer = reply(&mesh, delayed(grpc(), 2)).await;
    assert_eq!((answer.status, answer.grpc_status()), (200, Some(0)));
    let lines = told(&mesh, "request", 7).await;
    let is_done = |line: &String| line.ends_with("was held true: Ok(true), then Ok(false)");
    assert!(lines.len() == 7 && lines.iter().all(is_done), "{lines:#?}");
    is_well(&mesh).await;
}

#[tokio::test]
async fn a_request_is_answered_at_its_tick() {
    let mesh = mesh("host-late", "").await;
    let post = Call::post("/orders", "12345").from(Workload::new(HERE, "shop", "frontend"));
    for call in [get(), get().http2(), post.to(HERE)] {
        let call = delayed(call, 3).header("x-late-status", "429");
        let answer = reply(&mesh, call).await;
        assert_eq!((answer.status, answer.text().as_str()), (429, "late"));
        assert_eq!(answer.header("x-late"), Some("yes"));
        waited_for(&answer, 3);
    }
    let answer = reply(&mesh, delayed(grpc(), 3).header("x-late-status", "200")).await;
    assert_eq!((answer.status, answer.grpc_status()), (200, Some(8)));
    assert_eq!(answer.header("grpc-message"), Some("late"));
    assert_eq!(mesh.upstream(HERE).requests(), 0);
    is_well(&mesh).await;
}

#[tokio::test]
async fn whoever_went_away_is_not_waited_for() {
    let mesh = mesh("host-gone", "").await;
    for call in [get(), get().http2(), grpc()] {
        for late in [None, Some("429")] {
            let call = delayed(call.clone(), 8).timeout(Duration::from_millis(150));
            let call = match late {
                None => call,
                Some(status) => call.header("x-late-status", status),
            };
            let gone = mesh.call(call).await;
            assert!(matches!(gone, Err(CallError::Timeout(_))), "{gone:?}");
        }
    }
    let lines = told(&mesh, "request", 6).await;
    let is_done = |line: &String| line.ends_with("was held false: Ok(false), then Ok(false)");
    assert!(lines.len() == 6 && lines.iter().all(is_done), "{lines:#?}");
    assert_eq!(mesh.upstream(HERE).requests(), 0);
    is_well(&mesh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_come_and_go_at_the_tick_itself() {
    let mesh = mesh("host-crowd", "").await;
    let mut calls = Vec::new();
    let mesh = std::sync::Arc::new(mesh);
    for number in 0..400_u32 {
        let (mesh, call) = (mesh.clone(), [get(), get().http2(), grpc()]);
        calls.push(tokio::spawn(async move {
            // They give up around their tick: some before, some after, some while it goes on.
            let patience = Duration::from_millis(100 + u64::from(number % 200) * 2);
            let call = delayed(call[number as usize % 3].clone(), 4).timeout(patience);
            let call = match number % 4 {
                0 => call.header("x-late-status", "429"),
                _ => call,
            };
            tokio::time::sleep(Duration::from_millis(u64::from(number % 37) * 5)).await;
            mesh.call(call).await.is_ok()
        }));
    }
    let mut answered = 0;
    for call in calls {
        answered += u32::from(call.await.unwrap());
    }
    let lines = told(&mesh, "request", 1).await;
    let gone = lines.iter().filter(|line| line.contains("held false"));
    println!(
        "{answered} answered, {} gone before their tick",
        gone.count()
    );
    assert!((1..400).contains(&answered));
    is_well(&mesh).await;
}

/// One connection with many requests that wait, which ends when their tick comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_at_the_tick_itself() {
    let mesh = builder("host-connection")
        .peer_authentication(PeerAuthentication::Permissive)
        .start()
        .await
        .unwrap();
    let address = (mesh.ip(HERE).unwrap(), SERVICE_PORT);
    let mut answered = 0;
    for round in 0..30_u64 {
        let stream = TcpStream::connect(address).await.unwrap();
        let stream = stream.into_std().unwrap();
        let socket = stream.try_clone().unwrap();
        let stream = TcpStream::from_std(stream).unwrap();
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        let calls = (0..40).map(|number| {
            let mut request = http::Request::get("http://orders/").header("x-delay-ticks", "2");
            if number % 2 == 0 {
                request = request.header("x-late-status", "429");
            }
            let request = request.body(Empty::<Bytes>::new()).unwrap();
            tokio::spawn(sender.clone().send_request(request))
        });
        let calls: Vec<_> = calls.collect();
        tokio::time::sleep(Duration::from_millis(60 + round * 2)).await;
        socket.shutdown(Shutdown::Both).unwrap();
        for call in calls {
            answered += u32::from(matches!(call.await, Ok(Ok(_))));
        }
    }
    let lines = told(&mesh, "request", 1).await;
    let gone = lines.iter().filter(|line| line.contains("held false"));
    println!(
        "{answered} answered, {} gone before their tick",
        gone.count()
    );
    is_well(&mesh).await;
}

#[tokio::test]
async fn a_request_that_waits_outlives_its_configuration() {
    let mesh = mesh("host-update", "").await;
    let waiting = reply(&mesh, delayed(get(), 20));
    let update = async {
        tokio::time::sleep(TICK * 2).await;
        let start = Instant::now();
        for config in ["# second", "# third"] {
            let version = mesh.apply(HERE, config).unwrap();
            let judged = mesh.wait_config(&version, TICK * 100).await.unwrap();
            assert_eq!(judged, Delivery::Accepted);
        }
        // The new one is in force while the request waits under the old one.
        let answer = reply(&mesh, delayed(get(), 1)).await;
        assert_eq!(answer.status, 200);
        println!("updated and asked in {:?}", start.elapsed());
        assert_eq!(logged(&mesh).len(), 1);
    };
    let (answer, ()) = tokio::join!(waiting, update);
    println!("{:?} for 20 ticks", waited(&answer));
    assert_eq!(answer.status, 200);
    waited_for(&answer, 20);
    is_well(&mesh).await;
}

#[tokio::test]
async fn what_envoy_answers_itself_waits_no_longer() {
    let mesh = mesh("host-idle", "").await;
    edit(&mesh, |resources| {
        let chains = resources["listeners"][0]["filter_chains"].as_array_mut();
        for chain in chains.unwrap() {
            chain["filters"][0]["typed_config"]["stream_idle_timeout"] = json!("0.2s");
        }
    })
    .await;
    for late in [None, Some("429")] {
        for call in [get(), get().http2()] {
            let call = delayed(call, 10);
            let call = match late {
                None => call,
                Some(status) => call.header("x-late-status", status),
            };
            let answer = reply(&mesh, call).await;
            assert!([408, 504].contains(&answer.status), "{}", answer.status);
        }
    }
    let lines = told(&mesh, "request", 4).await;
    let is_done = |line: &String| line.contains("was held false: Ok(false)");
    assert!(lines.iter().all(is_done), "{lines:#?}");
    is_well(&mesh).await;
}
