//! What a run comes to, in a dozen numbers.

use serde_json::{Value, json};

use crate::record::Record;
use crate::weather::Weather;

/// A turn of a share counts from so many points on.
const TURN: f64 = 5.0;

#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    pub requests: u64,
    pub lost: u64,
    /// What all clusters together could not have answered.
    pub unavoidable: u64,
    pub refused: u64,
    pub retries: u64,
    pub misdirected: u64,
    pub unlawful: u64,
    /// From the first death until less than 1 % of its region's requests go to the victim.
    pub divert: Option<f64>,
    /// The most that a cluster but the victim got in a second, of what it could answer.
    pub peak: f64,
    /// The most that the victim got once it was back.
    pub peak_returning: f64,
    /// Changes of direction of a region's share of a cluster, the most of all pairs.
    pub turns: u32,
    /// The most that a share moved in the last third.
    pub swing: f64,
    /// From the last return until 95 % of its region's requests go to the victim.
    pub back: Option<f64>,
    /// The most that its share rose from one second to the next.
    pub rise: f64,
    /// Mean of what good answers took, in milliseconds.
    pub latency: f64,
    /// Probes a second at each cluster, beside its capacity.
    pub probing: f64,
}

impl Figures {
    pub fn of(record: &Record, weather: &Weather) -> Self {
        let victim = weather.victim;
        let regions = record.seconds.first().map_or(0, |s| s.offered.len());
        let (falls, rises) = (
            weather.falls.div_ceil(1000) as usize,
            weather.rises.div_ceil(1000) as usize,
        );
        let after = record.seconds.get(rises..).unwrap_or_default();
        let home: Vec<f64> = after.iter().map(|s| s.share(victim, victim)).collect();
        let shares = |from: usize, r: usize, c: usize| -> Vec<f64> {
            let seconds = record.seconds.get(from..).unwrap_or_default();
            seconds.iter().map(|s| s.share(r, c)).collect()
        };
        let pairs = || (0..regions).flat_map(|r| (0..regions).map(move |c| (r, c)));
        let last_third = record.seconds.len() * 2 / 3;
        let survivors = record.seconds.iter().flat_map(|second| {
            let loads = (0..regions).filter(|c| *c != victim);
            loads.filter_map(|c| second.load(c))
        });
        let capacity: f64 = record
            .seconds
            .first()
            .map_or(0.0, |s| s.capacity.iter().sum());
        let quarters = record.quarters.iter().enumerate();
        let mut quarters = quarters.skip((weather.falls / 250) as usize);
        let diverted = quarters.find(|(_, [own, all])| own * 100 < *all);
        let seconds = record.seconds.len() as f64;
        Self {
            requests: record.requests,
            lost: record.lost,
            unavoidable: record.seconds.iter().map(|s| s.unavoidable()).sum(),
            refused: record.refused,
            retries: record.retries,
            misdirected: record.misdirected,
            unlawful: record.unlawful,
            divert: diverted
                .filter(|_| weather.kills())
                .map(|(i, _)| i as f64 / 4.0 - weather.falls as f64 / 1000.0),
            peak: survivors.fold(0.0, f64::max),
            peak_returning: after
                .iter()
                .filter_map(|s| s.load(victim))
                .fold(0.0, f64::max),
            turns: pairs()
                .map(|(r, c)| turns(&shares(falls.saturating_sub(5), r, c)))
                .max()
                .unwrap_or(0),
            swing: pairs()
                .map(|(r, c)| swing(&shares(last_third, r, c)))
                .fold(0.0, f64::max),
            back: home
                .iter()
                .position(|share| *share >= 95.0)
                .map(|at| at as f64),
            rise: home.windows(2).map(|w| w[1] - w[0]).fold(0.0, f64::max),
            latency: record.micros as f64 / 1000.0 / (record.requests - record.lost).max(1) as f64,
            probing: record.probes as f64 / seconds / capacity.max(1.0),
        }
    }

    pub fn lost_percent(&self) -> f64 {
        self.lost as f64 * 100.0 / self.requests.max(1) as f64
    }

    pub fn json(&self) -> Value {
        json!({
            "requests": self.requests,
            "lost": self.lost,
            "unavoidable": self.unavoidable,
            "refused": self.refused,
            "retries": self.retries,
            "misdirected": self.misdirected,
            "unlawful": self.unlawful,
            "secondsToDivert": self.divert,
            "peakLoad": rounded(self.peak),
            "peakLoadReturning": rounded(self.peak_returning),
            "turns": self.turns,
            "lastSwing": rounded(self.swing),
            "secondsToReturn": self.back,
            "fastestRise": rounded(self.rise),
            "meanMillis": rounded(self.latency),
            "probesByCapacity": rounded(self.probing),
        })
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn swing(shares: &[f64]) -> f64 {
    let most = shares.iter().copied().fold(f64::MIN, f64::max);
    let least = shares.iter().copied().fold(f64::MAX, f64::min);
    (most - least).max(0.0)
}

/// How often a line changes direction, where it goes at least [`TURN`] each way.
fn turns(line: &[f64]) -> u32 {
    let Some(first) = line.first() else { return 0 };
    let (mut low, mut high) = (*first, *first);
    let mut rising: Option<bool> = None;
    let mut turns = 0;
    for value in line {
        low = low.min(*value);
        high = high.max(*value);
        let now = match rising {
            None | Some(false) if *value - low >= TURN => true,
            None | Some(true) if high - *value >= TURN => false,
            Some(true) => {
                low = *value;
                continue;
            }
            Some(false) => {
                high = *value;
                continue;
            }
            None => continue,
        };
        turns += u32::from(rising.is_some());
        rising = Some(now);
        (low, high) = (*value, *value);
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::turns;

    #[test]
    fn only_turns_of_five_points_count() {
        assert_eq!(turns(&[100.0, 97.0, 100.0, 96.0, 100.0]), 0);
        assert_eq!(turns(&[100.0, 0.0, 0.0, 50.0, 100.0]), 1);
        assert_eq!(turns(&[100.0, 50.0, 52.0, 40.0, 43.0, 30.0]), 0);
        assert_eq!(turns(&[100.0, 0.0, 40.0, 20.0, 60.0]), 3);
    }
}
