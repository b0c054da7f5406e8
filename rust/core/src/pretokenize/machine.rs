//! The scalar automaton that every compiled pattern family becomes.
//!
//! A [`Machine`] is a table: for each state and character class, the next state and which piece boundaries
//! this character settles. Three places can be settled, always in this order from left to right:
//!
//! * the *mark*, a place remembered earlier (after the last line break of a run of whitespace, after the last
//!   letter that may end a word, before an apostrophe that may begin a contraction);
//! * *prev*, the start of the character read last;
//! * *here*, the start of the character being read.
//!
//! So all that a running scan knows is a [`Cursor`]: a state and two offsets. The table itself answers every
//! question about the future: which places are still open ([`Machine::pending`]), what the end of the text
//! settles ([`Machine::finish`]), and between which classes a text can be cut whatever surrounds them
//! (`Machine::is_safe_cut`). It is built once from readable rules (`build.rs`, `deepseek.rs`).

use crate::unicode::{self, Class, ClassSet};

use super::state::State;
use super::{PieceEnds, SplitError};

/// Boundary at the mark.
const MARK: u16 = 1 << 8;
/// Boundary at the start of the character read last.
const PREV: u16 = 1 << 9;
/// Boundary at the start of the character being read.
const HERE: u16 = 1 << 10;
/// Put the mark at the start of the character being read, after settling boundaries.
const MARK_HERE: u16 = 1 << 11;
/// Put the mark at the end of the character being read, after settling boundaries.
const MARK_AFTER: u16 = 1 << 12;

const SETTLES: u16 = MARK | PREV | HERE;
const MOVES_MARK: u16 = MARK_HERE | MARK_AFTER;

/// What a machine does on one character: the next state and the boundaries it settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step(u16);

impl Step {
    /// Goes to a state and settles nothing.
    pub(super) const fn to(state: State) -> Self {
        Self(state as u16)
    }

    /// Also settles a boundary at the mark.
    pub(super) const fn at_mark(self) -> Self {
        Self(self.0 | MARK)
    }

    /// Also settles a boundary before the previous character.
    pub(super) const fn at_prev(self) -> Self {
        Self(self.0 | PREV)
    }

    /// Also settles a boundary before this character.
    pub(super) const fn here(self) -> Self {
        Self(self.0 | HERE)
    }

    /// Also puts the mark before this character.
    pub(super) const fn mark_here(self) -> Self {
        Self(self.0 | MARK_HERE)
    }

    /// Also puts the mark after this character.
    pub(super) const fn mark_after(self) -> Self {
        Self(self.0 | MARK_AFTER)
    }

    /// Also settles what the end of the text would settle.
    pub(super) const fn ending(self, ending: Ending) -> Self {
        Self(self.0 | ending.0)
    }

    const fn next(self) -> u8 {
        (self.0 & 0x3F) as u8
    }
}

/// Which of the two remembered places the end of the text makes a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ending(u16);

impl Ending {
    pub(super) const NOTHING: Self = Self(0);
    pub(super) const AT_MARK: Self = Self(MARK);
    pub(super) const AT_PREV: Self = Self(PREV);
}

/// The rules of a family, from which a table is made.
pub(super) trait Family {
    /// What happens on a character of class `class` in `state`.
    fn step(&self, state: State, class: Class) -> Step;
    /// What the end of the text settles in `state`.
    fn ending(&self, state: State) -> Ending;
}

/// Where a scan is: all that it remembers of the text before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    state: u8,
    mark: usize,
    prev: usize,
}

impl Cursor {
    /// At the start of a text or of any piece, which is offset 0 of what follows.
    pub const START: Self = Self { state: State::Start as u8, mark: 0, prev: 0 };

    /// Whether a piece ends here, whatever character follows.
    #[must_use]
    pub const fn at_boundary(self) -> bool {
        self.state == State::Start as u8 || self.state == State::Done as u8
    }
}

/// At most three piece boundaries, increasing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    places: [usize; 3],
    count: u8,
}

impl Settled {
    const fn push(&mut self, place: usize) {
        self.places[self.count as usize] = place;
        self.count += 1;
    }

    /// The boundaries.
    #[must_use]
    pub fn as_slice(&self) -> &[usize] {
        &self.places[..self.count as usize]
    }
}

const STATES: usize = 64;

/// A compiled pattern family; see the module documentation.
#[derive(Debug)]
pub struct Machine {
    /// Indexed by state, then class.
    steps: [Step; STATES * unicode::CLASSES],
    /// What the end of the text settles, by state.
    endings: [Ending; STATES],
    /// Which remembered places may still become boundaries, by state.
    open: [u16; STATES],
    /// By class: the classes before which a text can be cut after it.
    safe_cuts: [ClassSet; unicode::CLASSES],
}

impl Machine {
    /// Tabulates a family.
    pub(super) fn new(family: &impl Family) -> Self {
        let mut machine = Self {
            steps: [Step(0); STATES * unicode::CLASSES],
            endings: [Ending::NOTHING; STATES],
            open: [0; STATES],
            safe_cuts: [ClassSet::NONE; unicode::CLASSES],
        };
        for state in State::ALL {
            machine.endings[state as usize] = family.ending(state);
            for class in Class::ALL {
                machine.steps[state as usize * unicode::CLASSES + class as usize] = family.step(state, class);
            }
        }
        machine.find_open_places();
        machine.find_safe_cuts();
        machine
    }

    #[inline]
    fn look_up(&self, state: u8, class: Class) -> Step {
        self.steps[(state as usize & (STATES - 1)) * unicode::CLASSES + (class as usize & (unicode::CLASSES - 1))]
    }

    /// The remembered places from which some continuation (or the end) makes a boundary: a least fixed point.
    fn find_open_places(&mut self) {
        loop {
            let mut changed = false;
            for state in State::ALL {
                let mut open = self.endings[state as usize].0;
                for class in Class::ALL {
                    let step = self.look_up(state as u8, class);
                    open |= step.0 & (MARK | PREV);
                    if step.0 & (MOVES_MARK | MARK) == 0 {
                        open |= self.open[step.next() as usize] & MARK;
                    }
                }
                changed |= self.open[state as usize] != open;
                self.open[state as usize] = open;
            }
            if !changed {
                return;
            }
        }
    }

    /// Every state that some text leads to.
    fn reachable(&self) -> Vec<u8> {
        let mut found = vec![State::Start as u8];
        let mut at = 0;
        while let Some(&state) = found.get(at) {
            for class in Class::ALL {
                let next = self.look_up(state, class).next();
                if !found.contains(&next) {
                    found.push(next);
                }
            }
            at += 1;
        }
        found
    }

    /// Proves, by class before and class after, where a text can be cut and its halves split apart.
    ///
    /// A cut is safe if in every state that can follow the class before, the class after (1) settles a boundary
    /// between the two, (2) settles to its left exactly what the end of the text would settle, and (3) leads to
    /// the state, and moves the mark, as at the start of a text. Then the left half alone ends as it does in the
    /// whole, and the right half alone begins as it does in the whole.
    fn find_safe_cuts(&mut self) {
        let reachable = self.reachable();
        for before in Class::ALL {
            let mut safe = ClassSet::ALL;
            for &from in &reachable {
                let state = self.look_up(from, before).next();
                for after in Class::ALL {
                    let fresh = self.look_up(State::Start as u8, after).0 | HERE | self.endings[state as usize].0;
                    if self.look_up(state, after).0 != fresh {
                        safe = safe.minus(after.set());
                    }
                }
            }
            self.safe_cuts[before as usize] = safe;
        }
    }

    /// The classes before which a text can be cut after a character of a class, whatever is around the two.
    #[must_use]
    pub const fn safe_cuts_after(&self, before: Class) -> ClassSet {
        self.safe_cuts[before as usize]
    }

    /// Reads one character, which lies at `at..end`, and says which boundaries that settles.
    #[inline]
    pub fn step(&self, cursor: &mut Cursor, class: Class, at: usize, end: usize) -> Settled {
        let step = self.look_up(cursor.state, class);
        let mut settled = Settled::default();
        if step.0 & SETTLES != 0 {
            self::settle(step.0, *cursor, &mut settled);
            if step.0 & HERE != 0 {
                settled.push(at);
            }
        }
        cursor.state = step.next();
        cursor.prev = at;
        if step.0 & MOVES_MARK != 0 {
            cursor.mark = if step.0 & MARK_AFTER != 0 { end } else { at };
        }
        settled
    }

    /// The boundaries that the end of the text settles, the end itself not among them.
    #[must_use]
    pub fn finish(&self, cursor: Cursor) -> Settled {
        let mut settled = Settled::default();
        settle(self.endings[cursor.state as usize].0, cursor, &mut settled);
        settled
    }

    /// The places before the end of what has been read that may become boundaries, depending on what follows.
    ///
    /// The end itself is not listed: it is certainly one if [`Cursor::at_boundary`], and possibly one otherwise.
    #[must_use]
    pub fn pending(&self, cursor: Cursor) -> Settled {
        let mut settled = Settled::default();
        settle(self.open[cursor.state as usize], cursor, &mut settled);
        settled
    }

    /// Where the piece that starts at `from` ends, in text that ends at the end of the slice.
    ///
    /// # Panics
    /// If `from` is not before the end of `text`.
    #[must_use]
    pub fn next_end(&self, text: &[u8], from: usize) -> usize {
        let mut cursor = Cursor { state: State::Start as u8, mark: from, prev: from };
        let mut at = from;
        while at < text.len() {
            let (class, len) = unicode::class_at(text, at);
            let step = self.look_up(cursor.state, class);
            if step.0 & SETTLES != 0 {
                return first_place(step.0, cursor, at);
            }
            cursor.state = step.next();
            cursor.prev = at;
            if step.0 & MOVES_MARK != 0 {
                cursor.mark = if step.0 & MARK_AFTER != 0 { at + len } else { at };
            }
            at += len;
        }
        first_place(self.endings[cursor.state as usize].0, cursor, text.len())
    }
}

/// The boundaries at remembered places.
const fn settle(bits: u16, cursor: Cursor, settled: &mut Settled) {
    if bits & MARK != 0 {
        settled.push(cursor.mark);
    }
    if bits & PREV != 0 {
        settled.push(cursor.prev);
    }
}

/// The leftmost boundary among those settled; `here` if no remembered place is one.
const fn first_place(bits: u16, cursor: Cursor, here: usize) -> usize {
    if bits & MARK != 0 {
        cursor.mark
    } else if bits & PREV != 0 {
        cursor.prev
    } else {
        here
    }
}

impl Machine {
    /// Appends the ends of the pieces from `from` on, relative to it, up to the buffer's capacity; returns the
    /// position after the last piece.
    ///
    /// # Errors
    /// If one piece is longer than 4 GiB.
    ///
    /// # Panics
    /// If `from` is beyond the end of `text`.
    pub fn pieces(&self, text: &str, from: usize, buffer: &mut PieceEnds) -> Result<usize, SplitError> {
        let text = text.as_bytes();
        let mut at = from;
        for _ in 0..buffer.room() {
            if at == text.len() {
                break;
            }
            let end = self.next_end(text, at);
            let Ok(offset) = u32::try_from(end - from) else {
                return if at > from { Ok(at) } else { Err(SplitError::too_long(at)) };
            };
            buffer.ends.push(offset);
            at = end;
        }
        Ok(at)
    }

    /// Whether text can be cut before the character at `at`; see [`Machine::safe_cuts_after`].
    ///
    /// # Panics
    /// If `at` is 0 or not before the end of `text`.
    #[must_use]
    pub fn is_safe_cut(&self, text: &[u8], at: usize) -> bool {
        let (before, _) = unicode::class_before(text, at);
        let (after, _) = unicode::class_at(text, at);
        self.safe_cuts_after(before).has(after)
    }
}
