//! What a test may ask for later: the last of many things, in the order in which they came.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

/// The most that is kept; the oldest make room.
const KEPT: usize = 1 << 18;

#[derive(Debug)]
pub(crate) struct Kept<T>(Mutex<VecDeque<T>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    pub(crate) fn push(&self, one: T) {
        let mut kept = self.lock();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(one);
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.lock().iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.0.lock().expect("nobody panics with it")
    }
}
