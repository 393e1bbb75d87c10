//! What becomes of requests at a cluster: a queue that is short, and what is over is refused.

use crate::proxy::{HOSTS, Target};
use crate::random::Random;
use crate::weather::Condition;

/// How much can wait, in seconds of work; whatever comes on top is a 503.
const QUEUE: f64 = 0.25;
/// How long an answer takes in an idle cluster.
const SERVICE_MICROS: f64 = 20_000.0;
/// How much of the way to the present utilisation its mean goes in each step.
const SMOOTHING: f64 = 0.1;

pub struct Backend {
    /// Requests a second, all well.
    whole: f64,
    capacity: f64,
    condition: Condition,
    waiting: f64,
    room: f64,
    taken: f64,
    utilisation: f64,
    admits: f64,
}

impl Backend {
    pub fn new(whole: f64) -> Self {
        Self {
            whole,
            capacity: whole,
            condition: Condition::WELL,
            waiting: 0.0,
            room: 0.0,
            taken: 0.0,
            utilisation: 0.0,
            admits: 1.0,
        }
    }

    /// Requests a second, as things are.
    pub fn capacity(&self) -> f64 {
        self.capacity
    }

    pub fn is_dead(&self) -> bool {
        self.condition.dead
    }

    pub fn begin(&mut self, condition: Condition, seconds: f64) {
        self.condition = condition;
        let alive = (HOSTS - condition.dead_hosts) as f64 / HOSTS as f64;
        self.capacity = self.whole * alive * condition.strength;
        if condition.dead {
            self.capacity = 0.0;
            self.waiting = 0.0;
        }
        self.room = (self.capacity * (seconds + QUEUE) - self.waiting).max(0.0);
        self.taken = 0.0;
    }

    /// So many come at once: what part of them there is room for.
    pub fn offer(&mut self, count: u32) {
        let count = f64::from(count);
        self.admits = if count > self.room {
            self.room / count
        } else {
            1.0
        };
        self.taken += count.min(self.room);
        self.room = (self.room - count).max(0.0);
    }

    /// Whether a request that comes to a host is answered.
    pub fn answers(&self, target: Target, random: &mut Random) -> bool {
        !self.condition.dead && !self.is_dead_host(target) && random.unit() < self.admits
    }

    pub fn is_dead_host(&self, target: Target) -> bool {
        usize::from(target.host) < self.condition.dead_hosts
    }

    pub fn end(&mut self, seconds: f64) {
        let work = self.capacity * seconds;
        let now = if work > 0.0 { self.taken / work } else { 0.0 };
        self.utilisation += (now - self.utilisation) * SMOOTHING;
        self.waiting = (self.waiting + self.taken - work).max(0.0);
    }

    /// How long an answer takes: a knee before the capacity, and then the queue.
    pub fn micros(&self) -> u64 {
        let busy = self.utilisation.clamp(0.0, 0.95);
        let waits = if self.capacity > 0.0 {
            self.waiting / self.capacity * 1e6
        } else {
            0.0
        };
        (SERVICE_MICROS * (1.0 + busy.powi(8) / (1.0 - busy)) + waits) as u64
    }
}
