//! Envoy's priority load, level by level.
//!
//! The arithmetic is that of Envoy's documentation ("Priority levels",
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/priority>):
//! a level's health, times the overprovisioning factor, is what it can bear; levels take load in
//! their order until none is left; where all of them together cannot bear everything, each takes
//! its part of what there is. Two things are added: a level's members can be limited, while they
//! come back or are drained, and then their limit is a line that their share never crosses.

/// One cluster of a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Availability {
    /// The share of its endpoints that is healthy.
    pub health: f64,
    /// How much of the share that it would have it may have now.
    pub limit: f64,
}

impl Availability {
    fn effective(self) -> f64 {
        self.health * self.limit
    }
}

/// The load of each member of each level; in all 1, or 0 where nobody can bear any.
///
/// `factor` is the overprovisioning factor (1.4 is Envoy's), `panic` the share below which every
/// level has to be for the load to be spread over all as if they were healthy.
pub fn level_loads(levels: &[Vec<Availability>], factor: f64, panic: f64) -> Vec<Vec<f64>> {
    let borne: Vec<Vec<f64>> = levels.iter().map(|level| bearable(level, factor)).collect();
    let total: f64 = borne.iter().flatten().sum();
    if total <= 0.0 {
        return levels.iter().map(|level| vec![0.0; level.len()]).collect();
    }
    if total < 1.0 && levels.iter().all(|level| mean_health(level) < panic) {
        return in_panic(levels);
    }
    let scale = if total < 1.0 { 1.0 / total } else { 1.0 };
    let mut left: f64 = 1.0;
    let mut loads = Vec::with_capacity(levels.len());
    for level in &borne {
        let whole: f64 = level.iter().sum();
        let load = left.min(whole * scale);
        left -= load;
        let part = if whole > 0.0 { load / whole } else { 0.0 };
        loads.push(level.iter().map(|borne| borne * part).collect());
    }
    loads
}

/// What each member of a level can bear of all load.
fn bearable(level: &[Availability], factor: f64) -> Vec<f64> {
    let count = count(level);
    let sum = |of: fn(Availability) -> f64| level.iter().map(|a| of(*a)).sum::<f64>();
    let (healthy, effective) = (sum(|a| a.health), sum(Availability::effective));
    if effective <= 0.0 {
        return vec![0.0; level.len()];
    }
    let now = (factor * effective / count).min(1.0);
    let unlimited = (factor * healthy / count).min(1.0);
    // Who is limited has its limit of what it would have without one, and the others the rest.
    let capped = |a: &Availability| {
        let share = now * a.effective() / effective;
        (a.limit < 1.0).then(|| share.min(a.limit * unlimited * a.health / healthy))
    };
    let taken: f64 = level.iter().filter_map(capped).sum();
    let free: f64 = level
        .iter()
        .filter(|a| a.limit >= 1.0)
        .map(|a| a.health)
        .sum();
    let rest = now - taken;
    level
        .iter()
        .map(|a| {
            capped(a).unwrap_or(if free > 0.0 {
                rest * a.health / free
            } else {
                0.0
            })
        })
        .collect()
}

fn mean_health(level: &[Availability]) -> f64 {
    level.iter().map(|a| a.health).sum::<f64>() / count(level)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a level has at most as many members as a service has clusters"
)]
fn count(level: &[Availability]) -> f64 {
    level.len().max(1) as f64
}

/// Everything is ill: whoever is there at all takes its part, by number and not by health.
fn in_panic(levels: &[Vec<Availability>]) -> Vec<Vec<f64>> {
    let part = |a: &Availability| if a.health > 0.0 { a.limit } else { 0.0 };
    let total: f64 = levels.iter().flatten().map(part).sum();
    let share = |a: &Availability| part(a) / total;
    levels
        .iter()
        .map(|level| level.iter().map(share).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads(levels: &[f64]) -> Vec<i64> {
        let level = |health: &f64| {
            vec![Availability {
                health: health / 100.0,
                limit: 1.0,
            }]
        };
        let levels: Vec<_> = levels.iter().map(level).collect();
        // Envoy's own panic is left out of the table in its documentation.
        let loads = level_loads(&levels, 1.4, 0.0);
        loads
            .iter()
            .map(|l| (l[0] * 100.0).round() as i64)
            .collect()
    }

    #[test]
    fn the_tables_of_envoys_documentation_hold() {
        // Two levels, the second healthy.
        for (health, load) in [
            (100.0, [100, 0]),
            (72.0, [100, 0]),
            (71.0, [99, 1]),
            (50.0, [70, 30]),
            (25.0, [35, 65]),
            (0.0, [0, 100]),
        ] {
            assert_eq!(loads(&[health, 100.0]), load, "{health}");
        }
        // Three, and what cannot bear everything is scaled.
        for (health, load) in [
            ([100.0, 100.0, 100.0], [100, 0, 0]),
            ([72.0, 72.0, 100.0], [100, 0, 0]),
            ([71.0, 71.0, 100.0], [99, 1, 0]),
            ([50.0, 50.0, 100.0], [70, 30, 0]),
            ([25.0, 100.0, 100.0], [35, 65, 0]),
            ([25.0, 25.0, 100.0], [35, 35, 30]),
            ([25.0, 25.0, 20.0], [36, 36, 29]),
        ] {
            assert_eq!(loads(&health), load, "{health:?}");
        }
        assert_eq!(loads(&[20.0, 20.0]), [50, 50]);
        assert_eq!(loads(&[0.0, 0.0]), [0, 0]);
    }

    #[test]
    fn a_limit_is_a_line_that_is_not_crossed() {
        let one = |limit| Availability { health: 1.0, limit };
        for percent in 0..=100 {
            let limit = f64::from(percent) / 100.0;
            let alone = level_loads(&[vec![one(limit)], vec![one(1.0)]], 1.4, 0.5);
            assert!((alone[0][0] - limit).abs() < 1e-9, "{limit}: {alone:?}");
            // Beside another in its level it has its part of the half that it would have.
            let beside = level_loads(&[vec![one(1.0), one(limit)], vec![one(1.0)]], 1.4, 0.5);
            assert!(beside[0][1] <= limit / 2.0 + 1e-9, "{limit}: {beside:?}");
            let sum: f64 = beside.iter().flatten().sum();
            assert!((sum - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_alone_takes_everything() {
        let ramping = Availability {
            health: 1.0,
            limit: 0.01,
        };
        let dead = Availability {
            health: 0.0,
            limit: 1.0,
        };
        let loads = level_loads(&[vec![dead], vec![ramping]], 1.4, 0.5);
        assert!((loads[1][0] - 1.0).abs() < 1e-9, "{loads:?}");
    }

    #[test]
    fn in_panic_whoever_is_there_takes_its_part() {
        let ill = Availability {
            health: 0.1,
            limit: 1.0,
        };
        let dead = Availability {
            health: 0.0,
            limit: 1.0,
        };
        let loads = level_loads(&[vec![ill, dead], vec![ill]], 1.4, 0.5);
        assert_eq!(loads, [vec![0.5, 0.0], vec![0.5]]);
    }
}
