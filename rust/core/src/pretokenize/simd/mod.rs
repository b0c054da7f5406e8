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
mod deepseek;
mod family;
mod gpt2;
mod han;
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
#[cfg(all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"))]
mod neon;
#[cfg(test)]
mod tests;

pub use path::InstructionSet;

use std::marker::PhantomData;

use super::build::Plan;
use super::machine::Machine;
use super::rules::{Contractions, Rules, Words};
use super::{PatternError, PieceEnds, SplitError};
use crate::unicode::{Class, ClassSet};
use cl100k::Cl100k;
use classes::{LETTER, MARK, Standard, WithDigits, WithHan};
use deepseek::DeepSeek;
use gpt2::{Gpt2, Numbers};
use o200k::O200k;
use path::Path;
use scan::Found;
use source::BLOCK;

/// A pattern that has a scanner.
#[derive(Debug, Clone, Copy)]
enum Pattern {
    Gpt2(Gpt2<Standard>),
    /// With the numbers of the `Digits` pre-tokenizer.
    Gpt2Digits(Gpt2<WithDigits>),
    /// Words of letters.
    Cl100k(Cl100k<LETTER>),
    /// Words of letters and marks.
    Cl100kMarks(Cl100k<{ LETTER | MARK }>),
    O200k(O200k<Standard>),
    /// With runs of Han apart.
    Kimi(O200k<WithHan>),
    DeepSeek(DeepSeek),
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
            Plan::DeepSeek => Some(Pattern::DeepSeek(DeepSeek)),
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
        match found.unsure {
            None => Ok(from + found.end),
            Some(unsure) => machine_pieces(machine, text, from, from + found.end, from + unsure, buffer),
        }
    }

    /// Fills `ends` from `text`, which begins at a piece start; see [`scan::scan`].
    fn run(self, text: &[u8], ends: &mut [u32]) -> Found {
        match self.pattern {
            Pattern::Gpt2(family) => self.path.run(family, text, ends),
            Pattern::Gpt2Digits(family) => self.path.run(family, text, ends),
            Pattern::Cl100k(family) => self.path.run(family, text, ends),
            Pattern::Cl100kMarks(family) => self.path.run(family, text, ends),
            Pattern::O200k(family) => self.path.run(family, text, ends),
            Pattern::Kimi(family) => self.path.run(family, text, ends),
            Pattern::DeepSeek(family) => self.path.run(family, text, ends),
        }
    }
}

/// As [`Machine::pieces`], for the pieces that begin at `at` or later and before or at `until`; ends are relative to
/// `from`.
#[cold]
fn machine_pieces(
    machine: &Machine,
    text: &str,
    from: usize,
    mut at: usize,
    until: usize,
    buffer: &mut PieceEnds,
) -> Result<usize, SplitError> {
    while at <= until && at < text.len() && buffer.room() > 0 {
        let end = machine.next_end(text.as_bytes(), at);
        let Ok(offset) = u32::try_from(end - from) else {
            return if at > from { Ok(at) } else { Err(SplitError::too_long(at)) };
        };
        buffer.ends.push(offset);
        at = end;
    }
    Ok(at)
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
        if let Some(gpt2) = Self::of_gpt2(rules, &base) {
            return Some(gpt2);
        }
        let three_digits = match rules.number_run {
            1 => false,
            3 => true,
            _ => return None,
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
        let both = ClassSet::CASELESS.or(ClassSet::MARK);
        let cased = Rules {
            contractions: if contractions { Contractions::Suffix } else { Contractions::Never },
            words: Words::Cased { both },
            punct_tail: if slash_tail { base.punct_tail.or(Class::Slash.set()) } else { base.punct_tail },
            last_blanks: false,
            ..base
        };
        if *rules == cased {
            return Some(Self::O200k(O200k { alphabet: PhantomData, three_digits, contractions, slash_tail }));
        }
        let kimi = Rules { han_runs: true, words: Words::Cased { both: both.minus(ClassSet::HAN) }, ..cased };
        (*rules == kimi).then_some(Self::Kimi(O200k { alphabet: PhantomData, three_digits, contractions, slash_tail }))
    }

    /// [`Pattern::of`] in the GPT-2 family; `cl100k` has rules of that family.
    fn of_gpt2(rules: &Rules, cl100k: &Rules) -> Option<Self> {
        let gpt2 = Rules {
            contractions: Contractions::Piece { caseless: false },
            word_prefix: Class::Space.set(),
            number_space: true,
            punct_tail: ClassSet::NONE,
            newlines: false,
            ..*cl100k
        };
        let numbers = match (rules.number_split, rules.number_run) {
            (false, 0) => Numbers::Run,
            (true, 1) => Numbers::One,
            (true, 3) => Numbers::Three,
            _ => return None,
        };
        if *rules == (Rules { number_split: rules.number_split, ..gpt2 }) {
            return Some(Self::Gpt2(Gpt2 { numbers, alphabet: PhantomData }));
        }
        let digits = Rules { number_split: true, numbers: ClassSet::DIGITS, ..gpt2 };
        (*rules == digits).then_some(Self::Gpt2Digits(Gpt2 { numbers, alphabet: PhantomData }))
    }
}
