//! Working memory between calls: taken without waiting, given back without growing.

use std::fmt;
use std::sync::{Mutex, TryLockError};

/// Things kept for later, at most one for each place.
///
/// Each place has a lock that is only ever tried, for the instant of taking or giving: no call waits for another. After a
/// `fork` in that instant the child finds the place locked for good, and uses the others; a queue or a stack would hang there
/// or lose its links. Places are tried in order, so a single thread gets what it gave back last, still warm.
pub(super) struct Idle<T> {
    places: Box<[Mutex<Option<T>>]>,
}

impl<T> Idle<T> {
    /// Nothing kept, and room for `places` things.
    pub(super) fn new(places: usize) -> Self {
        Self { places: (0..places).map(|_| Mutex::new(None)).collect() }
    }

    /// Takes one of the things kept, if there is one. O(places), usually O(1).
    pub(super) fn take(&self) -> Option<T> {
        self.places.iter().find_map(|place| with_place(place, Option::take).flatten())
    }

    /// Keeps a thing for later; drops it if every place is taken. O(places), usually O(1).
    pub(super) fn give(&self, thing: T) {
        let mut thing = Some(thing);
        for place in &self.places {
            with_place(place, |kept| {
                if kept.is_none() {
                    *kept = thing.take();
                }
            });
            if thing.is_none() {
                return;
            }
        }
    }
}

/// Calls `f` with what a place keeps, unless somebody else is at it.
fn with_place<T, R>(place: &Mutex<Option<T>>, f: impl FnOnce(&mut Option<T>) -> R) -> Option<R> {
    match place.try_lock() {
        Ok(mut kept) => Some(f(&mut kept)),
        // Nothing that happens under the lock can panic half-way.
        Err(TryLockError::Poisoned(kept)) => Some(f(&mut kept.into_inner())),
        Err(TryLockError::WouldBlock) => None,
    }
}

impl<T> fmt::Debug for Idle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Idle({} places)", self.places.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_as_many_as_it_has_places_and_gives_back_the_first() {
        let idle = Idle::new(2);
        assert_eq!(idle.take(), None);
        for thing in 1..=3 {
            idle.give(thing);
        }
        assert_eq!((idle.take(), idle.take(), idle.take()), (Some(1), Some(2), None));
    }

    #[test]
    fn a_place_that_stays_locked_is_passed_over() {
        let idle = Idle::new(2);
        let _held_by_a_thread_that_did_not_survive_a_fork = idle.places[0].lock();
        idle.give(1);
        idle.give(2);
        assert_eq!((idle.take(), idle.take()), (Some(1), None));
    }

    #[test]
    fn nothing_is_lost_or_made_twice_between_threads() {
        let idle = Idle::new(8);
        (0..8).for_each(|thing| idle.give(thing));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        if let Some(thing) = idle.take() {
                            idle.give(thing);
                        }
                    }
                });
            }
        });
        let mut left: Vec<i32> = std::iter::from_fn(|| idle.take()).collect();
        left.sort_unstable();
        left.dedup();
        // A thing is dropped only where another thread was at every free place.
        assert!(!left.is_empty() && left.iter().all(|thing| (0..8).contains(thing)));
    }
}
