//! Three-valued matching (Kleene's strong logic of indeterminacy, 1938).

use std::ops::Not;

/// Whether a match holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It does not.
    No,
    /// What it asks for cannot be known.
    Unknown,
    /// It does.
    Yes,
}

impl Truth {
    /// Whether all hold: the least of them.
    pub fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut least = Self::Yes;
        for truth in truths {
            least = least.min(truth);
            if least == Self::No {
                break;
            }
        }
        least
    }

    /// Whether any holds: the greatest of them.
    pub fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut greatest = Self::No;
        for truth in truths {
            greatest = greatest.max(truth);
            if greatest == Self::Yes {
                break;
            }
        }
        greatest
    }
}

impl From<bool> for Truth {
    fn from(b: bool) -> Self {
        if b { Self::Yes } else { Self::No }
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }
}
