//! A routing table: which part of the requests goes to which cluster, and why.

use super::loads::{Availability, level_loads};
use super::record::Phase;
use super::residency::Lawful;
use super::service::Service;
use crate::decision::Reason;

/// What there is to know of one cluster when a table is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) phase: Phase,
    /// How much of its share it may have on its way back.
    pub(crate) limit: f64,
    /// Whether it is on its way back.
    pub(crate) returning: bool,
    /// How much of its load drains leave it.
    pub(crate) kept: f64,
    /// The share of its endpoints that is healthy.
    pub(crate) health: f64,
    /// Whether the budget of the link to it is spent.
    pub(crate) spent: bool,
    /// Whether no route leads there.
    pub(crate) unroutable: bool,
}

/// Which part of the requests goes to a cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    /// Draws below this, and not below the last entry's, are its.
    upto: u32,
    candidate: usize,
    reason: Reason,
    load: f64,
}

/// A table for the requests of a service that may go to the same clusters.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    entries: Vec<Entry>,
    /// The most preferred of those that are lawful.
    pub(crate) preferred: usize,
    /// Those that a caller may be sent to that wishes it: well, and neither coming back nor
    /// being emptied.
    open: Lawful,
    /// Why there is nowhere to go, where that is so.
    none: Reason,
}

/// Whom a table may fall back on, the better first: requests go back early, or over a link whose
/// budget is spent, only where there is nothing else.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mercy {
    held: bool,
    spent: bool,
}

const MERCIES: [Mercy; 4] = [
    Mercy {
        held: false,
        spent: false,
    },
    Mercy {
        held: true,
        spent: false,
    },
    Mercy {
        held: false,
        spent: true,
    },
    Mercy {
        held: true,
        spent: true,
    },
];

impl Mercy {
    fn availability(self, view: &View) -> Option<Availability> {
        let limit = match view.phase {
            Phase::Up => view.limit,
            Phase::Held if self.held => 1.0,
            Phase::Held | Phase::Down => return None,
        };
        let barred = view.unroutable || (view.spent && !self.spent);
        (!barred).then_some(Availability {
            health: view.health,
            limit: limit * view.kept,
        })
    }
}

impl Table {
    pub(crate) fn new(service: &Service, views: &[View], lawful: Lawful) -> Self {
        let candidates = || service.candidates.iter().zip(views).enumerate();
        let levels = service
            .candidates
            .last()
            .map_or(0, |c| usize::from(c.level).saturating_add(1));
        let mut loads = Vec::new();
        for mercy in MERCIES {
            let mut availability = vec![Vec::new(); levels];
            for (i, (candidate, view)) in candidates() {
                // What is ill still counts: its level can bear less.
                let ill = Availability {
                    health: 0.0,
                    limit: 1.0,
                };
                if let Some(level) = availability.get_mut(usize::from(candidate.level))
                    && lawful.has(i)
                {
                    level.push(mercy.availability(view).unwrap_or(ill));
                }
            }
            let (factor, panic) = (service.settings.factor, service.settings.panic);
            availability.retain(|level| !level.is_empty());
            loads = level_loads(&availability, factor, panic).concat();
            if loads.iter().any(|load| *load > 0.0) {
                break;
            }
        }
        hold_to_their_limits(&mut loads, views, lawful);
        let allowed: Vec<usize> = (0..service.candidates.len())
            .filter(|i| lawful.has(*i))
            .collect();
        let mut table = Self {
            entries: Vec::new(),
            preferred: allowed.first().copied().unwrap_or(0),
            open: open(views).and(lawful),
            none: none(service, views, lawful),
        };
        let mut sum = 0.0;
        for (candidate, load) in allowed.into_iter().zip(loads) {
            sum += load;
            if load > 0.0 {
                table.entries.push(Entry {
                    upto: draw(sum),
                    candidate,
                    reason: reason(service, views, lawful, candidate),
                    load,
                });
            }
        }
        if let Some(last) = table.entries.last_mut() {
            last.upto = u32::MAX;
        }
        table
    }

    /// Where a draw falls.
    pub(crate) fn choose(&self, draw: u32) -> Result<(usize, Reason), Reason> {
        let entry = self.entries.iter().find(|entry| draw <= entry.upto);
        entry.map(|e| (e.candidate, e.reason)).ok_or(self.none)
    }

    /// Whether a caller that wishes it may be sent there.
    pub(crate) fn is_open(&self, candidate: usize) -> bool {
        self.open.has(candidate)
    }

    /// The share of a cluster.
    pub(crate) fn load(&self, candidate: usize) -> f64 {
        let entry = self.entries.iter().find(|e| e.candidate == candidate);
        entry.map_or(0.0, |entry| entry.load)
    }

    /// The clusters that get anything, the most preferred first.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = usize> {
        self.entries.iter().map(|entry| entry.candidate)
    }
}

/// Where all together can bear less than everything, loads are scaled up, each beyond its limit. One
/// that is on its way back may still be cold, and keeps to its own as long as there is another to
/// take the rest: a limit that errors have cut is for all to share, the ramp is not.
fn hold_to_their_limits(loads: &mut [f64], views: &[View], lawful: Lawful) {
    let allowed = || views.iter().enumerate().filter(|(i, _)| lawful.has(*i));
    let (mut over, mut others) = (0.0, 0.0);
    for (load, (_, view)) in loads.iter().zip(allowed()) {
        match view.returning {
            true => over += (load - view.limit).max(0.0),
            false => others += load,
        }
    }
    if over <= 0.0 || others <= 0.0 {
        return;
    }
    for (load, (_, view)) in loads.iter_mut().zip(allowed()) {
        *load = match view.returning {
            true => load.min(view.limit),
            false => *load * (1.0 + over / others),
        };
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a sum of loads is from 0 to 1, and what is more is cut"
)]
fn draw(sum: f64) -> u32 {
    (sum * f64::from(u32::MAX)) as u32
}

fn open(views: &[View]) -> Lawful {
    let is_open = |view: &View| {
        let well = view.phase == Phase::Up && view.limit >= 1.0 && view.health > 0.0;
        well && view.kept >= 1.0 && !view.spent && !view.unroutable
    };
    let open = views.iter().enumerate().filter(|(_, view)| is_open(view));
    open.fold(Lawful::NONE, |set, (i, _)| set.with(i))
}

/// Why requests go to a cluster rather than to one that is preferred.
fn reason(service: &Service, views: &[View], lawful: Lawful, candidate: usize) -> Reason {
    let all = || service.candidates.iter().zip(views).enumerate();
    let own_level = service.candidates.get(candidate).map_or(0, |c| c.level);
    if views.get(candidate).is_some_and(|view| view.spent) {
        return Reason::OverBudget;
    }
    let before: Vec<&View> = all()
        .filter(|(i, (c, _))| lawful.has(*i) && c.level < own_level)
        .map(|(_, (_, view))| view)
        .collect();
    let any = |is: fn(&View) -> bool| before.iter().any(|view| is(view));
    let ill = |view: &View| view.phase != Phase::Up || view.unroutable;
    if before.is_empty() {
        Reason::Preferred
    } else if before.iter().all(|view| ill(view)) {
        Reason::FailedOver
    } else if any(|view| view.kept < 1.0) {
        Reason::Drained
    } else if any(|view| view.spent) {
        Reason::BudgetSpent
    } else {
        Reason::Spilled
    }
}

/// Why there is nowhere to go.
fn none(service: &Service, views: &[View], lawful: Lawful) -> Reason {
    let all = || views.iter().enumerate();
    let serves = |view: &View| view.phase != Phase::Down && !view.unroutable && view.kept > 0.0;
    let of_lawful = || all().filter(|(i, _)| lawful.has(*i)).map(|(_, view)| view);
    // Another could serve it, and must not.
    if lawful.is_empty()
        || (lawful != service.all() && all().any(|(i, view)| !lawful.has(i) && serves(view)))
    {
        Reason::Residency
    } else if of_lawful().all(|view| view.unroutable) {
        Reason::NoRoute
    } else if of_lawful().any(|view| view.phase != Phase::Down && view.kept <= 0.0) {
        Reason::AllDrained
    } else if of_lawful().all(|view| view.health <= 0.0) {
        Reason::NoEndpoints
    } else {
        Reason::NoHealthyCluster
    }
}
