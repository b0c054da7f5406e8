//! One reading of the text so far: what is assumed about the piece boundaries that later text still has to settle.
//!
//! Whether a piece ends at a place can depend on text that has not come yet (`a  b` and `a  ` cut their blanks apart
//! differently). A token sequence fixes what it needs: no boundary lies inside a token, and a pair that merges would join
//! must have one between them. So a prefix is followed under explicit assumptions, each a [`Config`]: every remembered place
//! is assumed to be a boundary or not, and the reading ends as soon as the text says otherwise.

use crate::pretokenize::machine::Machine;
use crate::unicode::{self, Class};

/// What is assumed about one place of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Place {
    /// It is no boundary.
    #[default]
    Inside,
    /// It is a boundary, and the text has yet to say so.
    Cut,
    /// It is a boundary, and the text has said so.
    Settled,
}

impl Place {
    /// What is left of the assumption when the text makes the place a boundary; `None` if it contradicts.
    fn settle(self) -> Option<Self> {
        if self == Self::Inside { None } else { Some(Self::Settled) }
    }
}

/// Whether a boundary may lie where the last token ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum EndRule {
    #[default]
    Free,
    /// Only with one is the last token right: it is a whole piece that merges would not make.
    Boundary,
    /// Only without one: as a whole, the piece so far is another token.
    NoBoundary,
}

/// Most occurrences of added tokens that may have begun and not ended at one place.
pub(super) const MAX_THREADS: usize = 8;

/// No node.
pub(super) const DEAD: u16 = u16::MAX;

/// One reading of a prefix; see the module documentation. Equal configs have the same futures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Config {
    /// The automaton's state, or of the rule that cuts.
    pub(super) state: u8,
    mark: Place,
    prev: Place,
    /// The mark is where the text read so far ends.
    mark_is_here: bool,
    /// The mark is where the character read last begins.
    mark_is_prev: bool,
    /// Bytes of a character that is not complete.
    partial: [u8; 3],
    partial_len: u8,
    /// What is assumed about the start of that character.
    partial_start: Place,
    pub(super) end: EndRule,
    /// Where the piece so far stands in the trie of tokens that are whole pieces only, or a node that does not exist.
    pub(super) whole: u32,
    /// Whether the piece so far has several tokens.
    pub(super) several: bool,
    /// Where begun occurrences of added tokens stand in their trie; those that end make the reading wrong.
    pub(super) threads: [u16; MAX_THREADS],
}

/// The state before any text; no other is equal to it.
pub(super) const FRESH: u8 = Machine::START;

/// A node of a trie that does not exist.
pub(super) const NO_NODE: u32 = u32::MAX;

impl Config {
    /// At the start of a text.
    pub(super) const START: Self = Self {
        state: FRESH,
        mark: Place::Inside,
        prev: Place::Inside,
        mark_is_here: false,
        mark_is_prev: false,
        partial: [0; 3],
        partial_len: 0,
        partial_start: Place::Inside,
        end: EndRule::Free,
        whole: NO_NODE,
        several: false,
        threads: [DEAD; MAX_THREADS],
    };

    /// Whether no text has been read since the start of the text.
    pub(super) const fn is_fresh(&self) -> bool {
        self.state == FRESH && self.partial_len == 0
    }

    /// The bytes of the character that is not complete.
    pub(super) fn partial(&self) -> &[u8] {
        &self.partial[..usize::from(self.partial_len)]
    }

    /// Replaces them.
    pub(super) fn set_partial(&mut self, bytes: &[u8]) {
        self.partial = [0; 3];
        self.partial[..bytes.len()].copy_from_slice(bytes);
        self.partial_len = u8::try_from(bytes.len()).unwrap_or(0);
    }

    /// What may be assumed about the place where the next token begins: at most two assumptions.
    pub(super) fn starts(&self) -> &'static [Place] {
        if self.is_fresh() {
            // Before any text: a boundary without anything that has to say so.
            return if self.end == EndRule::NoBoundary { &[] } else { &[Place::Settled] };
        }
        if self.partial_len > 0 {
            return if self.end == EndRule::Boundary { &[] } else { &[Place::Inside] };
        }
        match self.end {
            EndRule::Free => &[Place::Inside, Place::Cut],
            EndRule::Boundary => &[Place::Cut],
            EndRule::NoBoundary => &[Place::Inside],
        }
    }

    /// Reads one byte of a text that `machine` cuts; `start` is what is assumed about the place before the byte. False if the
    /// assumptions are wrong, or the bytes are not UTF-8.
    pub(super) fn read(&mut self, machine: &Machine, byte: u8, start: Place) -> bool {
        if self.partial_len == 0 {
            if byte.is_ascii() {
                return self.step(machine, unicode::ASCII[usize::from(byte)], start);
            }
            self.partial_start = start;
        } else if start != Place::Inside {
            return false;
        }
        let mut bytes = [0; 4];
        let len = usize::from(self.partial_len);
        bytes[..len].copy_from_slice(self.partial());
        bytes[len] = byte;
        match Utf8::of(&bytes[..=len]) {
            Utf8::Wrong => false,
            Utf8::Partial => {
                self.partial[len] = byte;
                self.partial_len += 1;
                true
            }
            Utf8::Complete => {
                let (class, _) = unicode::class_at(&bytes[..=len], 0);
                self.complete(machine, class)
            }
        }
    }

    /// Reads the rest of the character at the end, which makes it one of a class.
    pub(super) fn complete(&mut self, machine: &Machine, class: Class) -> bool {
        let start = std::mem::take(&mut self.partial_start);
        self.partial_len = 0;
        self.partial = [0; 3];
        self.step(machine, class, start)
    }

    /// Reads a character; `at` is what is assumed about the place where it begins.
    fn step(&mut self, machine: &Machine, class: Class, at: Place) -> bool {
        let step = machine.transition(self.state, class);
        let mut at = at;
        let (mut mark, mut prev) = (if self.mark_is_here { at } else { self.mark }, self.prev);
        let settle = |place: &mut Place| match place.settle() {
            Some(settled) => {
                *place = settled;
                true
            }
            None => false,
        };
        if step.mark && !settle(&mut mark) || step.prev && !settle(&mut prev) || step.here && !settle(&mut at) {
            return false;
        }
        // Two names of one place.
        if self.mark_is_prev && (mark == Place::Settled || prev == Place::Settled) {
            (mark, prev) = (Place::Settled, Place::Settled);
        }
        if self.mark_is_here && (mark == Place::Settled || at == Place::Settled) {
            (mark, at) = (Place::Settled, Place::Settled);
        }
        let moves = step.mark_here || step.mark_after;
        // A place that is forgotten can no longer become a boundary.
        let prev_is_lost = !self.mark_is_prev || moves;
        let mark_is_lost = moves && !self.mark_is_here;
        if prev_is_lost && prev == Place::Cut || mark_is_lost && mark == Place::Cut {
            return false;
        }
        self.mark_is_prev = step.mark_here || !moves && self.mark_is_here;
        self.mark_is_here = step.mark_after;
        self.mark = if step.mark_here { at } else { mark };
        self.prev = at;
        self.state = step.next;
        self.forget(machine)
    }

    /// Makes configs equal that differ only in places that no text can make boundaries; false if one of those had to be.
    fn forget(&mut self, machine: &Machine) -> bool {
        let open = machine.open(self.state);
        if !open.mark {
            let remembered_as_prev = self.mark_is_prev && open.prev;
            if !self.mark_is_here && !remembered_as_prev && self.mark == Place::Cut {
                return false;
            }
            (self.mark, self.mark_is_here, self.mark_is_prev) = (Place::Inside, false, false);
        } else if self.mark_is_here {
            self.mark = Place::Inside;
        }
        if !open.prev {
            if !self.mark_is_prev && self.prev == Place::Cut {
                return false;
            }
            if !self.mark_is_prev {
                self.prev = Place::Inside;
            }
        }
        true
    }

    /// Whether the text may end here.
    pub(super) fn may_finish(&self, machine: &Machine) -> bool {
        if self.partial_len > 0 || self.end == EndRule::NoBoundary {
            return false;
        }
        let ending = machine.ending(self.state);
        // Where the text ends there is a boundary anyway.
        let mark = if self.mark_is_here { Place::Settled } else { self.mark };
        let agrees = |settled: bool, place: Place| match place {
            Place::Inside => !settled,
            Place::Cut => settled,
            Place::Settled => true,
        };
        if self.mark_is_prev {
            return agrees(ending.mark || ending.prev, mark);
        }
        agrees(ending.mark, mark) && agrees(ending.prev, self.prev)
    }

    /// Whether some next character begins a new piece and leaves no assumption open.
    pub(super) fn may_cut(&self, machine: &Machine) -> bool {
        self.partial_len == 0
            && self.end != EndRule::NoBoundary
            && Class::ALL.into_iter().any(|class| {
                let mut next = *self;
                machine.transition(self.state, class).here
                    && next.step(machine, class, Place::Cut)
                    && next.mark != Place::Cut
                    && next.prev != Place::Cut
            })
    }
}

/// What bytes are that begin with the lead byte of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Utf8 {
    Complete,
    Partial,
    Wrong,
}

impl Utf8 {
    /// Of one to four bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(_) => Self::Complete,
            Err(error) if error.error_len().is_none() && error.valid_up_to() == 0 => Self::Partial,
            Err(_) => Self::Wrong,
        }
    }
}
