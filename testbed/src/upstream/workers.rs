//! A service that can do so much and no more: some workers, each busy with one request for a fixed
//! time, and a queue before them.
//!
//! When a worker is free it takes the next request as of the moment it became so, however late the
//! timer said it: the service does exactly what it can do, on a loaded machine too.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::HeaderMap;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::seen::{CRITICALITY, LABEL, header};

/// The most labels, and criticalities, that are counted by; of more there are no counts.
const COUNTED: usize = 4096;

/// What works in an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Workers {
    /// How many requests are worked on at a time.
    pub count: usize,
    /// How long each takes.
    pub service_time: Duration,
    /// How many may wait; who comes then is answered with 503.
    pub queue: usize,
    /// Whether requests are given up whose caller has gone. Most servers notice nothing, and work for
    /// nobody.
    pub give_up: bool,
}

impl Workers {
    /// So many, and a queue without end.
    pub fn new(count: usize, service_time: Duration) -> Self {
        Self {
            count,
            service_time,
            queue: usize::MAX,
            give_up: false,
        }
    }

    /// Lets so many wait and no more.
    pub fn queue(mut self, most: usize) -> Self {
        self.queue = most;
        self
    }

    /// Gives requests up whose caller has gone.
    pub fn give_up(mut self) -> Self {
        self.give_up = true;
        self
    }

    /// The requests that can be done in a second.
    pub fn capacity(&self) -> f64 {
        self.count as f64 / self.service_time.as_secs_f64()
    }
}

/// What was worked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    /// Of all requests.
    pub all: Tally,
    /// By their header `x-testbed-label`.
    pub labels: BTreeMap<String, Tally>,
    /// By their header `x-criticality`.
    pub criticalities: BTreeMap<String, Tally>,
    /// How many were worked on to the end for a caller who had gone.
    pub for_nobody: u64,
    /// How many were given up because their caller had gone.
    pub given_up: u64,
    /// How many were refused because the queue was full.
    pub refused: u64,
    /// How many wait.
    pub waiting: usize,
    /// The most that ever waited.
    pub longest_queue: usize,
}

/// Requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many a worker has taken.
    pub begun: u64,
    /// How many were done.
    pub finished: u64,
}

/// The workers of an upstream at work.
#[derive(Debug)]
pub(super) struct Workshop {
    workers: Workers,
    floor: Mutex<Floor>,
}

#[derive(Debug, Default)]
struct Floor {
    busy: usize,
    /// When each came, and how it is told when it begins.
    waiting: VecDeque<(Instant, oneshot::Sender<Instant>)>,
    work: Work,
}

/// There is no room to wait in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Workshop {
    pub(super) fn new(workers: Workers) -> Self {
        Self {
            workers,
            floor: Mutex::default(),
        }
    }

    pub(super) fn work(&self) -> Work {
        let floor = self.floor();
        let mut work = floor.work.clone();
        work.waiting = floor.waiting.len();
        work
    }

    /// Works on a request; returns when it is done, and when that was.
    pub(super) async fn serve(self: Arc<Self>, head: &HeaderMap) -> Result<Instant, Full> {
        let names = [header(head, LABEL), header(head, CRITICALITY)];
        let give_up = self.workers.give_up;
        let mut job = Job::enter(self, names)?;
        if give_up {
            return Ok(job.run().await);
        }
        let (done, wait) = oneshot::channel();
        tokio::spawn(async move {
            if done.send(job.run().await).is_err() {
                job.workshop.floor().work.for_nobody += 1;
            }
        });
        // It is dropped with the runtime only, and so is this.
        wait.await.map_err(|_| Full)
    }

    fn floor(&self) -> MutexGuard<'_, Floor> {
        self.floor.lock().expect("nobody panics with it")
    }
}

impl Floor {
    /// A worker is free: whoever waits longest is next. Who has given up is passed over.
    fn next(&mut self, free: Instant) {
        while let Some((came, next)) = self.waiting.pop_front() {
            if next.send(free.max(came)).is_ok() {
                return;
            }
        }
        self.busy -= 1;
    }

    fn count(&mut self, names: &[Option<String>; 2], one: impl Fn(&mut Tally)) {
        one(&mut self.work.all);
        let [label, criticality] = names;
        for (name, tallies) in [
            (label, &mut self.work.labels),
            (criticality, &mut self.work.criticalities),
        ] {
            let Some(name) = name else { continue };
            if let Some(tally) = tallies.get_mut(name) {
                one(tally);
            } else if tallies.len() < COUNTED {
                one(tallies.entry(name.clone()).or_default());
            }
        }
    }
}

/// A request that waits, or is worked on.
struct Job {
    workshop: Arc<Workshop>,
    names: [Option<String>; 2],
    /// Says when a worker was free for it.
    turn: oneshot::Receiver<Instant>,
    /// Whether a worker has it.
    begun: bool,
    done: bool,
}

impl Job {
    fn enter(workshop: Arc<Workshop>, names: [Option<String>; 2]) -> Result<Self, Full> {
        let (tell, turn) = oneshot::channel();
        let now = Instant::now();
        let mut floor = workshop.floor();
        if floor.busy < workshop.workers.count {
            floor.busy += 1;
            // The receiver is in hand.
            let _ = tell.send(now);
        } else if floor.waiting.len() < workshop.workers.queue {
            floor.waiting.push_back((now, tell));
            let length = floor.waiting.len();
            floor.work.longest_queue = floor.work.longest_queue.max(length);
        } else {
            floor.work.refused += 1;
            return Err(Full);
        }
        drop(floor);
        Ok(Self {
            workshop,
            names,
            turn,
            begun: false,
            done: false,
        })
    }

    async fn run(&mut self) -> Instant {
        let turn = (&mut self.turn).await;
        let begin = turn.expect("it is in the queue until it has spoken");
        self.begun = true;
        let floor = &self.workshop.floor;
        let locked = || floor.lock().expect("nobody panics with it");
        locked().count(&self.names, |tally| tally.begun += 1);
        let end = begin + self.workshop.workers.service_time;
        tokio::time::sleep_until(end).await;
        self.done = true;
        let mut floor = locked();
        floor.count(&self.names, |tally| tally.finished += 1);
        floor.next(end);
        end
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        self.turn.close();
        let mut floor = self.workshop.floor();
        floor.work.given_up += 1;
        // A turn may have come that it has not heard of.
        if self.begun || self.turn.try_recv().is_ok() {
            floor.next(Instant::now());
        } else {
            floor.waiting.retain(|(_, turn)| !turn.is_closed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Duration = Duration::from_millis(200);

    fn head(criticality: &'static str) -> HeaderMap {
        let mut head = HeaderMap::new();
        head.insert(CRITICALITY, http::HeaderValue::from_static(criticality));
        head
    }

    async fn serve(shop: &Arc<Workshop>) -> Result<Instant, Full> {
        shop.clone().serve(&head("Critical")).await
    }

    #[tokio::test]
    async fn workers_do_so_much_and_the_rest_waits_in_order() {
        let shop = Arc::new(Workshop::new(Workers::new(2, SERVICE / 10).queue(3)));
        let mut served = tokio::task::JoinSet::new();
        for number in 0..6 {
            let shop = shop.clone();
            served.spawn(async move { (number, serve(&shop).await) });
        }
        let mut ends = served.join_all().await;
        ends.sort_by_key(|(number, _)| *number);
        let ends: Vec<_> = ends.into_iter().map(|(_, end)| end).collect();
        let (last, ends) = ends.split_last().unwrap();
        assert_eq!(*last, Err(Full));
        let after = |number: usize| ends[number].unwrap() - SERVICE / 10;
        assert_eq!(after(2), ends[0].unwrap());
        assert_eq!(after(3), ends[1].unwrap());
        assert_eq!(after(4), ends[2].unwrap());
        let work = shop.work();
        let five = Tally {
            begun: 5,
            finished: 5,
        };
        assert_eq!(work.all, five);
        let all = BTreeMap::from([("Critical".to_owned(), five)]);
        assert_eq!(work.criticalities, all);
        assert_eq!((work.refused, work.longest_queue), (1, 3));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_worked_on_unless_it_is_given_up() {
        for give_up in [false, true] {
            let mut workers = Workers::new(1, SERVICE);
            workers.give_up = give_up;
            let shop = Arc::new(Workshop::new(workers));
            // One is worked on when it goes, one waits.
            let start = Instant::now();
            let hasty = || tokio::time::timeout(SERVICE / 10, serve(&shop));
            let (one, other) = tokio::join!(hasty(), hasty());
            assert!(one.is_err() && other.is_err());
            let end = serve(&shop).await.unwrap();
            let work = shop.work();
            let Tally { begun, finished } = work.all;
            if give_up {
                assert!(end < start + SERVICE * 2);
                assert_eq!((work.given_up, work.for_nobody), (2, 0));
                assert_eq!((begun, finished), (2, 1));
            } else {
                assert!(end >= start + SERVICE * 3);
                assert_eq!((work.given_up, work.for_nobody), (0, 2));
                assert_eq!((begun, finished), (3, 3));
            }
        }
    }
}
