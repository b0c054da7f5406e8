//! Fast scanners: piece boundaries of 64 bytes at a time, by arithmetic on masks.
//!
//! A [`Source`](source::Source) (an instruction set) turns 64 bytes into masks, one bit per byte: letters, numbers,
//! newlines and so on, all bytes of a character alike. A [`Family`](family::Family) (a kind of pattern) turns the
//! masks of a block, with a few carried bits and a look at the next block, into the mask of the piece starts. Every
//! family runs on every source; the automata of [`super::machine`] are their safe twin.
//!
//! The only `unsafe` code is calls of intrinsics, and of functions compiled for an instruction set; a value of a
//! source's type is proof that the processor has it.

// What is not inlined into a function compiled for an instruction set is compiled without it.
#![allow(clippy::inline_always)]

mod bits;
mod cl100k;
mod classes;
mod family;
mod gpt2;
mod nibbles;
mod o200k;
mod path;
mod portable;
mod scan;
mod source;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(test)]
mod tests;

pub use path::InstructionSet;

use super::build::Plan;
use super::machine::Machine;
use super::rules::{Contractions, Rules, Words};
use super::{PatternError, PieceEnds, SplitError};
use crate::unicode::{Class, ClassSet};
use cl100k::Cl100k;
use classes::{LETTER, MARK};
use gpt2::Gpt2;
use o200k::O200k;
use path::Path;
use scan::Found;
use source::BLOCK;

/// A pattern that has a scanner.
#[derive(Debug, Clone, Copy)]
enum Pattern {
    Gpt2(Gpt2),
    /// Words of letters.
    Cl100k(Cl100k<LETTER>),
    /// Words of letters and marks.
    Cl100kMarks(Cl100k<{ LETTER | MARK }>),
    O200k(O200k),
}

/// A scanner: a pattern on an instruction set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner {
    pattern: Pattern,
    path: Path,
}

impl Scanner {
    /// The scanner for a plan, if there is one.
    pub(super) fn of(plan: &Plan) -> Result<Option<Self>, PatternError> {
        let path = InstructionSet::chosen()?.0;
        let pattern = match plan {
            Plan::Rules(rules) => Pattern::of(rules),
            Plan::DeepSeek => None,
        };
        Ok(pattern.map(|pattern| Self { pattern, path }))
    }

    /// The same on another instruction set.
    pub(super) const fn on(self, set: InstructionSet) -> Self {
        Self { path: set.0, ..self }
    }

    /// As [`Machine::pieces`] of the machine for the same plan.
    #[inline]
    pub(super) fn pieces(
        self,
        machine: &Machine,
        text: &str,
        from: usize,
        buffer: &mut PieceEnds,
    ) -> Result<usize, SplitError> {
        let room = buffer.room();
        if room < BLOCK {
            return machine.pieces(text, from, buffer);
        }
        let held = buffer.ends.len();
        // A piece is a byte at least: a short text does not pay for clearing the whole buffer.
        let room = room.min(text.len() - from + BLOCK);
        buffer.ends.resize(held + room, 0);
        let found = self.run(&text.as_bytes()[from..], &mut buffer.ends[held..]);
        buffer.ends.truncate(held + found.count);
        if u32::try_from(found.end).is_err() {
            buffer.ends.truncate(held);
            return Err(SplitError::too_long(from));
        }
        Ok(from + found.end)
    }

    /// Fills `ends` from `text`, which begins at a piece start; see [`scan::scan`].
    fn run(self, text: &[u8], ends: &mut [u32]) -> Found {
        match self.pattern {
            Pattern::Gpt2(family) => self.path.run(family, text, ends),
            Pattern::Cl100k(family) => self.path.run(family, text, ends),
            Pattern::Cl100kMarks(family) => self.path.run(family, text, ends),
            Pattern::O200k(family) => self.path.run(family, text, ends),
        }
    }
}

impl Pattern {
    /// The pattern of some rules, if it has a scanner.
    fn of(rules: &Rules) -> Option<Self> {
        let base = Rules {
            contractions: Contractions::Piece { caseless: true },
            han_runs: false,
            words: Words::Run(ClassSet::LETTER),
            word_prefix: ClassSet::NEWLINE.or(ClassSet::LETTER).or(ClassSet::NUMBER).not(),
            numbers: ClassSet::NUMBER,
            number_run: rules.number_run,
            number_space: false,
            number_split: false,
            punct: ClassSet::WHITE.or(ClassSet::LETTER).or(ClassSet::NUMBER).not(),
            punct_tail: ClassSet::NEWLINE,
            newlines: true,
            last_blanks: rules.last_blanks,
        };
        let three_digits = match rules.number_run {
            1 => false,
            3 => true,
            _ => return (*rules == Gpt2::rules(&base)).then_some(Self::Gpt2(Gpt2)),
        };
        let closing_space = rules.last_blanks;
        if *rules == base {
            return Some(Self::Cl100k(Cl100k { three_digits, closing_space }));
        }
        let words = ClassSet::LETTER.or(ClassSet::MARK);
        if *rules == (Rules { words: Words::Run(words), punct: base.punct.minus(ClassSet::MARK), ..base }) {
            return Some(Self::Cl100kMarks(Cl100k { three_digits, closing_space }));
        }
        let contractions = rules.contractions == Contractions::Suffix;
        let slash_tail = rules.punct_tail.has(Class::Slash);
        let cased = Rules {
            contractions: if contractions { Contractions::Suffix } else { Contractions::Never },
            words: Words::Cased { both: ClassSet::CASELESS.or(ClassSet::MARK) },
            punct_tail: if slash_tail { base.punct_tail.or(Class::Slash.set()) } else { base.punct_tail },
            last_blanks: false,
            ..base
        };
        (*rules == cased).then_some(Self::O200k(O200k { three_digits, contractions, slash_tail }))
    }
}

impl Gpt2 {
    /// The rules of the family, from those of cl100k.
    fn rules(base: &Rules) -> Rules {
        Rules {
            contractions: Contractions::Piece { caseless: false },
            word_prefix: Class::Space.set(),
            number_run: 0,
            number_space: true,
            punct_tail: ClassSet::NONE,
            newlines: false,
            ..*base
        }
    }
}
