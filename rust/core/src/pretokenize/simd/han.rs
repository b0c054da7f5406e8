//! Runs of `\p{Han}`, where they come before all else.

use super::bits::{after, flood, last};
use super::classes::{CASELESS, HAN, LETTER, NEWLINE, NUMBER, WHITE};
use super::source::Masks;

/// What a block leaves to the next.
#[derive(Clone, Copy, Default)]
pub(super) struct HanCarry {
    /// A run of Han, as a piece.
    pub(super) run: u64,
    number: u64,
    /// What runs of others may go on after: others, marks, a space.
    other: u64,
    /// Not for the next block: Han of which it is not clear whether it begins a piece.
    pub(super) unsure: u64,
}

/// The Han that are pieces of their own; sets [`HanCarry::unsure`]. The caller sets [`HanCarry::run`].
///
/// Letters always are. The few Han numbers, marks and symbols are in or at the start of such a piece, unless they
/// continue numbers or others: that is left to the automaton.
#[inline(always)]
pub(super) fn han_runs<M: Masks>(carry: &mut HanCarry, here: &M) -> u64 {
    let number = here.class::<NUMBER>();
    let other = !here.class::<{ LETTER | NUMBER | WHITE | NEWLINE }>() | here.blank();
    let (before_number, before_other) = (after(number, carry.number), after(other, carry.other));
    (carry.number, carry.other, carry.unsure) = (last(number), last(other), 0);
    if here.wide() == 0 {
        return 0;
    }
    let han = here.class::<HAN>();
    let run = flood(han, han & (here.class::<CASELESS>() | carry.run));
    let rest = han & !run;
    if rest == 0 {
        return run;
    }
    let first = rest & !here.continuation() & !after(rest, 0);
    carry.unsure = first & (number & before_number | !number & before_other);
    flood(han, run & !after(run, carry.run) | first | han & carry.run)
}
