//! Where regions are, what lies between them, and what a proxy is told of it.

use serde_json::{Value, json};

use crate::random::Random;

/// Round trips per unit of the plane, which is one by one.
const MILLIS_ACROSS: f64 = 180.0;
/// Below this, all regions are under one law: with two laws, one would hold a single region.
const TWO_LAWS: usize = 4;

pub struct Geography {
    places: Vec<(f64, f64)>,
    laws: Vec<usize>,
}

impl Geography {
    pub fn new(regions: usize, random: &mut Random) -> Self {
        let mut places: Vec<_> = (0..regions)
            .map(|_| (random.unit(), random.unit()))
            .collect();
        // From west to east: the western half is under one law, the eastern under another.
        places.sort_by(|a, b| a.0.total_cmp(&b.0));
        let law = |i| usize::from(regions >= TWO_LAWS && i >= regions / 2);
        Self {
            laws: (0..regions).map(law).collect(),
            places,
        }
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn same_law(&self, a: usize, b: usize) -> bool {
        self.laws[a] == self.laws[b]
    }

    pub fn rtt_micros(&self, a: usize, b: usize) -> u64 {
        let ((ax, ay), (bx, by)) = (self.places[a], self.places[b]);
        let distance = ((ax - bx).powi(2) + (ay - by).powi(2)).sqrt();
        // Within a region, half a millisecond.
        500 + (distance * MILLIS_ACROSS * 1000.0) as u64
    }

    /// In hundredths of a unit of money for each GiB: in steps, as clouds have it.
    fn price(&self, a: usize, b: usize) -> u64 {
        match self.rtt_micros(a, b) / 1000 {
            0..40 => 1,
            40..90 => 2,
            _ => 5,
        }
    }

    /// All regions as one of them prefers them, itself first: what `preference` is by default.
    pub fn order(&self, from: usize) -> Vec<usize> {
        let mut order: Vec<_> = (0..self.len()).collect();
        let rank = |to: usize| {
            let other_law = !self.same_law(from, to);
            let (price, rtt) = (self.price(from, to), self.rtt_micros(from, to));
            (to != from, other_law, price, rtt)
        };
        order.sort_by_key(|to| rank(*to));
        order
    }

    /// The configuration of a locality filter in one region, as JSON.
    pub fn config(&self, own: usize, spec: &Value) -> String {
        let all = 0..self.len();
        let clusters: Vec<_> = all.clone().map(cluster_name).collect();
        let cluster = |i: usize| {
            json!({
                "name": cluster_name(i),
                "region": region_name(i),
                "identity": {"trustDomains": [format!("{}.example", cluster_name(i))]},
            })
        };
        let region = |i: usize| {
            let law = ["WEST", "EAST"][self.laws[i]];
            json!({"name": region_name(i), "jurisdiction": law})
        };
        let link = |to: usize| {
            json!({
                "from": region_name(own),
                "to": region_name(to),
                "rtt": format!("{}us", self.rtt_micros(own, to)),
                "pricePerGib": self.price(own, to) as f64 / 100.0,
            })
        };
        let mut spec = spec.clone();
        spec["services"] = json!([{
            "name": "orders",
            "hosts": ["orders.shop.svc.cluster.local"],
            "port": 8080,
            "clusters": clusters,
        }]);
        json!({
            "apiVersion": "landbridge.dev/v1alpha1",
            "mesh": {
                "clusters": all.clone().map(cluster).collect::<Vec<_>>(),
                "regions": all.clone().map(region).collect::<Vec<_>>(),
                "links": all.filter(|to| *to != own).map(link).collect::<Vec<_>>(),
            },
            "local": {"cluster": cluster_name(own)},
            "policies": [{
                "kind": "LocalityFailover",
                "metadata": {"name": "orders", "namespace": "shop"},
                "spec": spec,
            }],
        })
        .to_string()
    }
}

pub fn cluster_name(region: usize) -> String {
    format!("cluster-{region:02}")
}

fn region_name(region: usize) -> String {
    format!("region-{region:02}")
}
