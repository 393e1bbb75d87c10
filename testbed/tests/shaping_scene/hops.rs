//! Services that call one another.

use landbridge_testbed::{Call, Side, eventually};

use crate::setup::{SECOND, SOON, call, mesh};

#[tokio::test]
async fn a_service_calls_another_through_its_own_sidecar() {
    let mesh = mesh("hops").start().await.unwrap();
    let stock = Call::get("/stock").to("euw1-a").timeout(SECOND / 2);
    mesh.call_on("use1-a", stock).unwrap();
    let delay = SECOND / 10;
    mesh.upstream("use1-a").set_delay(delay);
    let call = || {
        call()
            .header("x-request-deadline", "1700000000123")
            .header("x-criticality", "Critical")
            .header("x-request-id", "b6c1d4b5-5e0e-4b6c-9d1c-0d2f2b8f9a11")
            .header("x-secret", "stays")
    };
    let reply = mesh.call(call()).await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(reply.latency >= delay);
    let echo = reply.json();
    assert_eq!(echo["cluster"], "use1-a");
    let next = &echo["onward"]["echo"];
    assert_eq!(
        (&next["cluster"], &next["path"]),
        (&"euw1-a".into(), &"/stock".into())
    );
    let had = |name: &str| {
        let headers = next["headers"].as_array().unwrap();
        let values = headers.iter().filter(|pair| pair[0] == name);
        values.map(|pair| pair[1].clone()).collect::<Vec<_>>()
    };
    assert_eq!(had("x-request-deadline"), ["1700000000123"]);
    assert_eq!(had("x-criticality"), ["Critical"]);
    assert_eq!(
        had("x-request-id"),
        ["b6c1d4b5-5e0e-4b6c-9d1c-0d2f2b8f9a11"]
    );
    assert_eq!(had("x-secret").len(), 0);
    let logged = async || {
        let log = mesh.access_log("use1-a", Side::Client).unwrap();
        log.iter()
            .any(|line| line["path"] == "/stock")
            .then_some(())
    };
    eventually(SOON, "a line", logged).await.unwrap();

    // What comes of the second hop comes of the first.
    mesh.upstream("euw1-a").set_status(500);
    assert_eq!(mesh.call(call()).await.unwrap().status, 500);
    mesh.upstream("euw1-a").set_status(200);
    mesh.upstream("euw1-a").set_delay(SECOND);
    assert_eq!(mesh.call(call()).await.unwrap().status, 504);

    mesh.call_on("use1-a", None).unwrap();
    let reply = mesh.call(call()).await.unwrap();
    assert_eq!((reply.status, &reply.json()["onward"]), (200, &().into()));
}
