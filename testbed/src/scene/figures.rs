//! What a scene is measured by.

use std::fmt;
use std::time::Duration;

use super::{HOME, Who};
use crate::{Mesh, Report};

/// An answer that takes longer hung on a cluster that does not answer.
const HUNG: Duration = Duration::from_millis(500);

/// What became of a scene.
pub struct Played {
    /// The scene's name.
    pub name: &'static str,
    /// Who failed over.
    pub who: Who,
    /// The mesh, as the scene left it.
    pub mesh: Mesh,
    /// The GETs.
    pub gets: Report,
    /// The POSTs.
    pub posts: Report,
    /// When the first event was over, in seconds of the load.
    pub since: f64,
    /// When the filter said that [`HOME`] is `down`, `held` or `up`, in seconds of the load.
    pub changes: Vec<(f64, &'static str)>,
}

/// What a scene is measured by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// How many GETs failed.
    pub gets_failed: usize,
    /// Of how many.
    pub gets: usize,
    /// How many POSTs failed.
    pub posts_failed: usize,
    /// Of how many.
    pub posts: usize,
    /// From the first event to the last request that failed or hung, in seconds.
    pub last_bad: f64,
}

impl Played {
    /// What the scene is measured by.
    pub fn figures(&self) -> Figures {
        let failed = |report: &Report| report.failures().count();
        let bad = |report: &Report| {
            let shots = report.shots.iter().filter(|shot| {
                let failed = !matches!(shot.outcome, Ok(status) if status < 400);
                shot.at.as_secs_f64() >= self.since - 1.0 && (failed || shot.latency > HUNG)
            });
            let last = shots.map(|shot| shot.at).max();
            last.map_or(0.0, |at| (at.as_secs_f64() - self.since).max(0.0))
        };
        Figures {
            gets_failed: failed(&self.gets),
            gets: self.gets.count(),
            posts_failed: failed(&self.posts),
            posts: self.posts.count(),
            last_bad: bad(&self.gets).max(bad(&self.posts)),
        }
    }

    /// The share of [`HOME`] of what was answered between two moments of the load, in percent.
    pub fn share(&self, from: f64, to: f64) -> f64 {
        let (from, to) = [from, to].map(Duration::from_secs_f64).into();
        let mut home = 0;
        let mut all = 0;
        for report in [&self.gets, &self.posts] {
            for (cluster, count) in report.served_between(from, to) {
                all += count;
                home += if cluster == HOME { count } else { 0 };
            }
        }
        home as f64 * 100.0 / all.max(1) as f64
    }

    /// The share of [`HOME`] in the second that begins so many seconds after the first event.
    pub fn share_after(&self, seconds: f64) -> f64 {
        self.share(self.since + seconds, self.since + seconds + 1.0)
    }

    /// How often the filter said that [`HOME`] has come to a phase.
    pub fn times(&self, phase: &str) -> usize {
        let of = self.changes.iter().filter(|(_, to)| *to == phase);
        of.count()
    }
}

/// How long the slowest of all requests took, in seconds.
fn longest(report: &Report) -> f64 {
    report.percentile(100.0).as_secs_f64()
}

/// One line, the same for every scene: what was played, its figures, and the share of [`HOME`]
/// before the first event, and one, two and four seconds after it.
impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = self.figures();
        write!(
            f,
            "scene={} who={} gets_failed={}/{} posts_failed={}/{} last_bad={:.1}s \
             longest_get={:.1}s longest_post={:.1}s share_before={:.0}% share_after_1s={:.0}% after_2s={:.0}% after_4s={:.0}%",
            self.name,
            self.who.name(),
            figures.gets_failed,
            figures.gets,
            figures.posts_failed,
            figures.posts,
            figures.last_bad,
            longest(&self.gets),
            longest(&self.posts),
            self.share(0.0, self.since - 0.2),
            self.share_after(1.0),
            self.share_after(2.0),
            self.share_after(4.0),
        )
    }
}
