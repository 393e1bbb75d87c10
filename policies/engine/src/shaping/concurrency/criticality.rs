//! How critical a request is, and which are refused first.

use landbridge_model::{Criticality, CriticalityLevel};

/// Every level, by the word that a request says it by.
const LEVELS: [CriticalityLevel; 4] = [
    CriticalityLevel::CriticalPlus,
    CriticalityLevel::Critical,
    CriticalityLevel::SheddablePlus,
    CriticalityLevel::Sheddable,
];

/// How a policy has levels decided. Who may claim what beside is for the policy's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CriticalitySettings {
    /// The request header.
    pub header: Box<str>,
    /// What a request is that does not say.
    pub default: CriticalityLevel,
    /// The most that callers may claim whom no rule names.
    pub otherwise: CriticalityLevel,
}

impl CriticalitySettings {
    /// Those of a policy.
    pub fn new(policy: &Criticality) -> Self {
        Self {
            header: policy
                .header
                .as_ref()
                .map_or("x-criticality", |header| header.as_str())
                .into(),
            default: policy.default.unwrap_or(CriticalityLevel::Critical),
            otherwise: policy.otherwise.unwrap_or(CriticalityLevel::Critical),
        }
    }

    /// The level of a request that claims this in its header, of a caller who may claim so much.
    /// What is no level says nothing.
    pub fn level(&self, claimed: Option<&[u8]>, cap: CriticalityLevel) -> CriticalityLevel {
        let known = |text: &[u8]| LEVELS.into_iter().find(|l| l.as_str().as_bytes() == text);
        let level = claimed.and_then(known).unwrap_or(self.default);
        // The most critical comes first.
        level.max(cap)
    }
}

/// Between which shares of the limit requests of a level are refused more and more, from none to
/// all. The levels are those of *Handling Overload* in Google's *Site Reliability Engineering*
/// (chapter 21); that each is shed over a range and not at once is what keeps a service from
/// swinging, as in DAGOR (Zhou et al., *Overload Control for Scaling WeChat Microservices*, SoCC
/// 2018). The ranges were found by simulation: see `simulation.rs`.
fn range(level: CriticalityLevel) -> Option<(f64, f64)> {
    match level {
        // Only where there is no slot left.
        CriticalityLevel::CriticalPlus => None,
        CriticalityLevel::Critical => Some((0.95, 1.0)),
        CriticalityLevel::SheddablePlus => Some((0.6, 0.85)),
        CriticalityLevel::Sheddable => Some((0.45, 0.7)),
    }
}

/// The share of requests of a level that may begin where so much of the limit is under way.
pub(super) fn admitted(level: CriticalityLevel, utilisation: f64) -> f64 {
    range(level).map_or(1.0, |(start, end)| {
        ((end - utilisation) / (end - start)).clamp(0.0, 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::CriticalityLevel::*;
    use super::*;

    #[test]
    fn nobody_is_more_critical_than_they_may_be() {
        let settings = CriticalitySettings::new(&Criticality::default());
        let level = |claimed: &'static str, cap| settings.level(Some(claimed.as_bytes()), cap);
        assert_eq!(level("SHEDDABLE", CriticalPlus), Sheddable);
        assert_eq!(level("CRITICAL_PLUS", CriticalPlus), CriticalPlus);
        assert_eq!(level("CRITICAL_PLUS", Critical), Critical);
        assert_eq!(level("CRITICAL_PLUS", Sheddable), Sheddable);
        assert_eq!(level("critical_plus", CriticalPlus), Critical, "no level");
        assert_eq!(level("", SheddablePlus), SheddablePlus);
        assert_eq!(settings.level(None, CriticalPlus), Critical);
    }

    #[test]
    fn the_least_critical_go_first_and_by_and_by() {
        for percent in 0..=100 {
            let utilisation = f64::from(percent) / 100.0;
            let shares = LEVELS.map(|level| admitted(level, utilisation));
            assert!(shares.is_sorted_by(|more, less| more >= less));
        }
        assert_eq!(admitted(Sheddable, 0.45), 1.0);
        assert_eq!(admitted(Sheddable, 0.7), 0.0);
        assert_eq!(admitted(CriticalPlus, 5.0), 1.0, "while there are slots");
    }
}
