//! A proxy in memory: workers that share a store, and callers of several clusters.

use landbridge_engine::shaping::{
    Asked, Begun, Carried, Count, End, Ended, Now, Outcome, Pass, Refusal, Run, ShapingSet, Worker,
    load_shaping,
};
use landbridge_engine::{Facts, Memory, RawRequest, Surroundings, Unknown};
use landbridge_model::Limits;
use std::rc::Rc;

/// When the wall's clock begins: no time in particular.
pub const START: u64 = 1_800_000_000_000;
pub const MILLI: u64 = 1_000_000;

struct Nowhere;

impl Surroundings for Nowhere {
    fn cluster(&self) -> Option<String> {
        Some("use1-a".to_owned())
    }

    fn namespace(&self) -> Option<String> {
        Some("shop".to_owned())
    }

    fn label(&self, _: &str) -> Result<Option<String>, Unknown> {
        Ok(None)
    }
}

const MESH: &str = r#"{
    "clusters": [
        {"name": "use1-a", "region": "us-east-1", "identity": {"trustDomains": ["use1-a.example"]}},
        {"name": "euw1-a", "region": "eu-west-1", "identity": {"trustDomains": ["euw1-a.example"]}}
    ],
    "regions": [{"name": "us-east-1", "jurisdiction": "US"}, {"name": "eu-west-1", "jurisdiction": "EU"}]
}"#;

/// A configuration of policies, each a name and a spec.
pub fn set(policies: &[(&str, &str)]) -> Rc<ShapingSet> {
    let policies = policies.iter().map(|(name, spec)| {
        format!(
            r#"{{"kind": "TrafficShaping", "metadata": {{"name": "{name}", "namespace": "shop"}}, "spec": {spec}}}"#
        )
    });
    let config = format!(
        r#"{{"apiVersion": "landbridge.dev/v1alpha1", "mesh": {MESH},
            "options": {{"faults": "Trusted", "trustedCallers": [{{"namespaces": ["gateways"]}}]}},
            "policies": [{}]}}"#,
        policies.collect::<Vec<_>>().join(",")
    );
    match load_shaping(config.as_bytes(), &Limits::default(), &Nowhere) {
        Ok(loaded) => Rc::new(loaded.set),
        Err(found) => panic!("{found:?}"),
    }
}

/// A request of some cluster's frontend.
#[derive(Clone)]
pub struct Request {
    pub cluster: &'static str,
    pub namespace: &'static str,
    pub displaced: bool,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Request {
    pub fn from(cluster: &'static str) -> Self {
        let headers = [
            (":method", "GET"),
            (":path", "/orders/1"),
            (":authority", "orders"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.into()));
        Self {
            cluster,
            namespace: "shop",
            displaced: false,
            headers: headers.into(),
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(n, _)| n != name);
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn displaced(self) -> Self {
        Self {
            displaced: true,
            ..self
        }
    }
}

pub struct World {
    pub set: Rc<ShapingSet>,
    pub store: Memory,
    pub workers: Vec<Worker>,
    carried: Vec<Carried>,
    pub now: Now,
}

impl World {
    pub fn new(spec: &str, workers: usize) -> Self {
        let set = set(&[("orders", spec)]);
        let mut world = Self {
            set: Rc::clone(&set),
            store: Memory::default(),
            workers: Vec::new(),
            carried: (0..workers as u64).map(Carried::new).collect(),
            now: Now {
                steady: 3_600_000 * MILLI,
                wall: START,
            },
        };
        world.update(set);
        world
    }

    /// The workers get another configuration.
    pub fn update(&mut self, set: Rc<ShapingSet>) {
        self.set = Rc::clone(&set);
        let carried = self.carried.iter_mut().enumerate();
        self.workers = carried
            .map(|(id, carried)| Worker::new(Rc::clone(&set), id as u64, carried, &self.store))
            .collect();
    }

    pub fn wait(&mut self, millis: u64) {
        for _ in 0..millis {
            self.now.steady += MILLI;
            self.now.wall += 1;
            if self.now.wall.is_multiple_of(50) {
                for worker in &mut self.workers {
                    let asked = worker.tick(self.now, &self.store);
                    assert!(asked.is_empty(), "there is no service");
                }
            }
        }
    }

    pub fn begin(&mut self, worker: usize, request: &Request) -> Begun {
        let uri = format!(
            "spiffe://{}.example/ns/{}/sa/frontend",
            request.cluster, request.namespace
        );
        let raw = RawRequest {
            headers: &request.headers,
            certificate_uri: (request.cluster != "nobody").then_some(uri.as_bytes()),
            ..RawRequest::default()
        };
        let facts = Facts::new(raw, &self.set.base).unwrap();
        let asked = Asked {
            trusted: self.set.base.trusts(&facts),
            facts: Some(&facts),
            headers: &request.headers,
            displaced: request.displaced,
            is_grpc: false,
        };
        self.workers[worker].begin(&asked, self.now, &self.store)
    }

    pub fn pass(&mut self, request: &Request) -> Box<Pass> {
        match self.begin(0, request) {
            Begun::Passed(pass) => pass,
            Begun::Refused(refusal) => panic!("{refusal:?}"),
        }
    }

    pub fn refusal(&mut self, request: &Request) -> Box<Refusal> {
        match self.begin(0, request) {
            Begun::Refused(refusal) => refusal,
            Begun::Passed(pass) => panic!("{pass:?}"),
        }
    }

    /// How many of so many requests at once pass.
    pub fn passing(&mut self, request: &Request, count: usize) -> usize {
        let workers = self.workers.len();
        let passed = (0..count).filter(|i| match self.begin(i % workers, request) {
            Begun::Passed(pass) => {
                self.done(i % workers, pass.run);
                true
            }
            Begun::Refused(_) => false,
        });
        passed.count()
    }

    pub fn done(&mut self, worker: usize, run: Run) {
        let end = End {
            ended: Ended::Answered,
            nanos: Some(MILLI),
            attempts: 1,
        };
        self.workers[worker].done(run, end, self.now, &self.store);
    }

    /// How often this became of a request at the thing of this name.
    pub fn counted(&mut self, name: &str, outcome: Outcome) -> u32 {
        let set = Rc::clone(&self.set);
        let counts = self.workers.iter_mut().flat_map(Worker::counts);
        let named = |count: &Count| set.item(count.item).is_some_and(|i| &*i.name == name);
        let of = counts.filter(|count| named(count) && count.outcome == outcome);
        of.map(|count| count.times).sum()
    }
}

pub fn header<'h>(
    headers: &'h [landbridge_engine::shaping::Header],
    name: &str,
) -> Option<&'h str> {
    let found = headers.iter().find(|(header, _)| header == name);
    found.map(|(_, value)| value.as_str())
}
