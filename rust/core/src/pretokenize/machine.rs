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
const MARK: u16 = 1;
/// Boundary at the start of the character read last.
const PREV: u16 = 1 << 1;
/// Boundary at the start of the character being read.
const HERE: u16 = 1 << 2;
/// Put the mark at the start of the character being read, after settling boundaries.
const MARK_HERE: u16 = 1 << 3;
/// Put the mark at the end of the character being read, after settling boundaries.
const MARK_AFTER: u16 = 1 << 4;
/// The next state, times the number of classes: where its row of the table starts.
const ROW: u16 = 0xFC0;

const SETTLES: u16 = MARK | PREV | HERE;
const MOVES_MARK: u16 = MARK_HERE | MARK_AFTER;

/// What a machine does on one character: the next state and the boundaries it settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step(u16);

impl Step {
    /// Goes to a state and settles nothing.
    pub(super) const fn to(state: State) -> Self {
        Self((state as u16) << 6)
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
        (self.0 >> 6 & 0x3F) as u8
    }

    /// Whether it does any of several things.
    const fn does(self, what: u16) -> bool {
        self.0 & what != 0
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

/// What one character does, for callers that follow several possible futures and hold the remembered places themselves.
///
/// See the module documentation for the three places. The settled ones lie where they were before the character moves any.
#[allow(clippy::struct_excessive_bools, reason = "each is one thing that a character does or does not")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The next state.
    pub next: u8,
    /// A boundary at the mark is settled.
    pub mark: bool,
    /// A boundary before the character read last is settled.
    pub prev: bool,
    /// A boundary before this character is settled.
    pub here: bool,
    /// The mark moves to the start of this character.
    pub mark_here: bool,
    /// The mark moves to the end of this character.
    pub mark_after: bool,
}

/// Which of the two remembered places something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembered {
    /// The mark.
    pub mark: bool,
    /// The start of the character read last.
    pub prev: bool,
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

    /// What happens after a step, on a character of a class.
    #[inline]
    fn follow(&self, step: Step, class: Class) -> Step {
        self.steps[(step.0 & ROW) as usize + (class as usize & (unicode::CLASSES - 1))]
    }

    fn look_up(&self, state: u8, class: Class) -> Step {
        self.follow(Step(u16::from(state) << 6), class)
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
                    if !step.does(MOVES_MARK | MARK) {
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
        if step.does(SETTLES) {
            settle(step.0, *cursor, &mut settled);
            if step.does(HERE) {
                settled.push(at);
            }
        }
        cursor.state = step.next();
        cursor.prev = at;
        if step.does(MOVES_MARK) {
            cursor.mark = if step.does(MARK_AFTER) { end } else { at };
        }
        settled
    }

    /// The state at the start of a text; no character leads back to it.
    pub const START: u8 = State::Start as u8;

    /// What a character of a class does in a state.
    #[inline]
    #[must_use]
    pub fn transition(&self, state: u8, class: Class) -> Transition {
        let step = self.look_up(state % 64, class);
        Transition {
            next: step.next(),
            mark: step.does(MARK),
            prev: step.does(PREV),
            here: step.does(HERE),
            mark_here: step.does(MARK_HERE),
            mark_after: step.does(MARK_AFTER),
        }
    }

    /// The remembered places that the end of the text makes boundaries, in a state.
    #[must_use]
    pub fn ending(&self, state: u8) -> Remembered {
        Self::remembered(self.endings[state as usize % STATES].0)
    }

    /// The remembered places that some continuation makes boundaries, in a state.
    #[must_use]
    pub fn open(&self, state: u8) -> Remembered {
        Self::remembered(self.open[state as usize % STATES])
    }

    const fn remembered(bits: u16) -> Remembered {
        Remembered { mark: bits & MARK != 0, prev: bits & PREV != 0 }
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
        let mut step = Step::to(State::Start);
        let (mut at, mut mark, mut prev) = (from, from, from);
        while at < text.len() {
            let (class, len) = unicode::class_at(text, at);
            step = self.follow(step, class);
            if step.does(SETTLES | MOVES_MARK) {
                if step.does(SETTLES) {
                    return first_place(step.0, mark, prev, at);
                }
                mark = if step.does(MARK_AFTER) { at + len } else { at };
            }
            prev = at;
            at += len;
        }
        first_place(self.endings[step.next() as usize].0, mark, prev, at)
    }

    /// Appends the ends of the pieces from `from` on, relative to it, up to the buffer's capacity; returns the
    /// position after the last piece.
    ///
    /// # Errors
    /// If one piece is longer than 4 GiB.
    ///
    /// # Panics
    /// If `from` is beyond the end of `text`.
    pub fn pieces(&self, text: &str, from: usize, buffer: &mut PieceEnds) -> Result<usize, SplitError> {
        let (room, before) = (buffer.room(), buffer.ends.len());
        if room < MOST_AT_ONCE {
            return self.few_pieces(text.as_bytes(), from, buffer);
        }
        buffer.ends.resize(before + room, 0);
        // Offsets within 4 GiB of the start fit.
        let mut limit = text.len().min(from.saturating_add(u32::MAX as usize));
        while !text.is_char_boundary(limit) {
            limit -= 1;
        }
        let found = self.scan(&text.as_bytes()[from..limit], limit == text.len(), &mut buffer.ends[before..]);
        buffer.ends.truncate(before + found);
        match buffer.ends[before..].last() {
            Some(&last) => Ok(from + last as usize),
            None if from == text.len() => Ok(from),
            None => Err(SplitError::too_long(from)),
        }
    }

    /// Writes the ends of the pieces of a text, and returns how many: as long as there is room for those that one
    /// character can settle. Whether the text ends with the slice decides whether its last pieces are complete.
    ///
    /// That a boundary is here is written without a branch: it is what a processor cannot predict.
    #[allow(clippy::cast_possible_truncation, reason = "the caller sees to it that offsets fit 32 bits")]
    fn scan(&self, text: &[u8], whole: bool, ends: &mut [u32]) -> usize {
        let mut step = Step::to(State::Start);
        let (mut at, mut mark, mut prev, mut count) = (0, 0, 0, 0);
        let enough = ends.len() - (MOST_AT_ONCE - 1);
        while at < text.len() {
            let (class, len) = unicode::class_at(text, at);
            step = self.follow(step, class);
            if step.does(MARK | PREV | MOVES_MARK) {
                for place in places(step.0, mark, prev).into_iter().flatten() {
                    ends[count] = place as u32;
                    count += 1;
                }
                if step.does(MOVES_MARK) {
                    mark = if step.does(MARK_AFTER) { at + len } else { at };
                }
            }
            ends[count] = at as u32;
            count += usize::from(step.does(HERE));
            if count >= enough {
                return count;
            }
            prev = at;
            at += len;
        }
        if whole && at > 0 {
            for place in places(self.endings[step.next() as usize].0, mark, prev).into_iter().flatten() {
                ends[count] = place as u32;
                count += 1;
            }
            ends[count] = at as u32;
            count += 1;
        }
        count
    }

    /// As [`Machine::pieces`], into a buffer with little room.
    fn few_pieces(&self, text: &[u8], from: usize, buffer: &mut PieceEnds) -> Result<usize, SplitError> {
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

/// How many boundaries one character, or the end of the text, can settle.
const MOST_AT_ONCE: usize = 3;

/// The remembered places that are boundaries.
#[inline]
fn places(bits: u16, mark: usize, prev: usize) -> [Option<usize>; 2] {
    [(bits & MARK != 0).then_some(mark), (bits & PREV != 0).then_some(prev)]
}

/// The leftmost boundary among those settled; `at` if no remembered place is one.
#[inline]
fn first_place(bits: u16, mark: usize, prev: usize, at: usize) -> usize {
    let [mark, prev] = places(bits, mark, prev);
    mark.or(prev).unwrap_or(at)
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
