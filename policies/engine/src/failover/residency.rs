//! Which clusters a request may go to.

/// A set of a service's clusters, by their place in its order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lawful(u64);

impl Lawful {
    /// None.
    pub const NONE: Self = Self(0);
    /// The most clusters that a service may run in.
    pub(crate) const MOST: usize = 64;

    /// The first so many.
    pub(crate) fn first(count: usize) -> Self {
        (0..count).fold(Self::NONE, |set, i| set.with(i))
    }

    pub(crate) fn only(index: usize) -> Self {
        Self::NONE.with(index)
    }

    /// The same, and this one.
    #[must_use]
    pub fn with(self, index: usize) -> Self {
        let bit = u32::try_from(index).ok().and_then(|i| 1_u64.checked_shl(i));
        Self(self.0 | bit.unwrap_or(0))
    }

    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[must_use]
    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether a cluster is in it.
    pub fn has(self, index: usize) -> bool {
        self.and(Self::only(index)) != Self::NONE
    }

    /// Whether no cluster is.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Where requests may go that have a data class, or all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restriction {
    /// The class, by its place in the set's list.
    pub(crate) class: Option<u16>,
    pub(crate) to: Lawful,
}
