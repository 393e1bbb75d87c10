//! What was seen in a run.

use crate::proxy::Target;

/// One second.
#[derive(Debug, PartialEq)]
pub struct Second {
    /// Requests by home region and by the cluster that they went to first.
    pub went: Vec<Vec<u32>>,
    /// All that a cluster got, retries too.
    pub offered: Vec<u32>,
    /// What it could have answered.
    pub capacity: Vec<f64>,
    pub requests: u32,
    pub lost: u32,
}

impl Second {
    pub fn new(regions: usize) -> Self {
        Self {
            went: vec![vec![0; regions]; regions],
            offered: vec![0; regions],
            capacity: vec![0.0; regions],
            requests: 0,
            lost: 0,
        }
    }

    /// The percentage of a region's requests that went to a cluster.
    pub fn share(&self, home: usize, cluster: usize) -> f64 {
        let all: u32 = self.went[home].iter().sum();
        f64::from(self.went[home][cluster]) * 100.0 / f64::from(all.max(1))
    }

    /// Requests that are more than all clusters together could answer.
    pub fn unavoidable(&self) -> u64 {
        let capacity: f64 = self.capacity.iter().sum();
        (f64::from(self.requests) - capacity).max(0.0) as u64
    }

    /// What a cluster got of what it could have answered; none, where it could not answer any.
    pub fn load(&self, cluster: usize) -> Option<f64> {
        let capacity = self.capacity[cluster];
        (capacity > 0.0).then(|| f64::from(self.offered[cluster]) / capacity)
    }
}

#[derive(Debug, PartialEq)]
pub struct Record {
    pub seconds: Vec<Second>,
    /// Of the requests of the victim's region, in each quarter of a second: those that went to its
    /// own cluster, and all.
    pub quarters: Vec<[u32; 2]>,
    pub requests: u64,
    pub lost: u64,
    /// Of those that were lost, those that were not sent anywhere.
    pub refused: u64,
    pub retries: u64,
    /// Sent to a dead cluster by a proxy that had enough failures from it.
    pub misdirected: u64,
    /// Sent where they may not go.
    pub unlawful: u64,
    pub probes: u64,
    /// What all good answers took.
    pub micros: u64,
    now: Second,
}

impl Record {
    pub fn new(regions: usize) -> Self {
        Self {
            seconds: Vec::new(),
            quarters: Vec::new(),
            requests: 0,
            lost: 0,
            refused: 0,
            retries: 0,
            misdirected: 0,
            unlawful: 0,
            probes: 0,
            micros: 0,
            now: Second::new(regions),
        }
    }

    pub fn second(&mut self) -> &mut Second {
        self.seconds.last_mut().unwrap_or(&mut self.now)
    }

    fn request(&mut self, is_victims: bool) {
        self.requests += 1;
        self.second().requests += 1;
        if let (Some(quarter), true) = (self.quarters.last_mut(), is_victims) {
            quarter[1] += 1;
        }
    }

    pub fn sent(&mut self, home: usize, target: Target, victim: usize) {
        self.request(home == victim);
        let cluster = usize::from(target.cluster);
        self.second().went[home][cluster] += 1;
        if let (Some(quarter), true) = (self.quarters.last_mut(), home == victim && cluster == home)
        {
            quarter[0] += 1;
        }
    }

    pub fn refused(&mut self, home: usize, victim: usize) {
        self.request(home == victim);
        self.refused += 1;
        self.lost();
    }

    pub fn lost(&mut self) {
        self.lost += 1;
        self.second().lost += 1;
    }
}
