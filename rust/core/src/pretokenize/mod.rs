//! Splitting text into the pieces that BPE works on.
//!
//! A [`Pretokenizer`] is compiled from a pattern. Patterns of the known families become automata
//! ([`machine::Machine`]): linear time, no allocation, and proofs about where a text may be cut; most have a fast
//! scanner besides. Every other
//! pattern runs on a general regex engine with the semantics of the library it was written for.

mod build;
mod deepseek;
mod error;
pub mod machine;
mod named;
mod oniguruma;
mod recognize;
pub mod regex;
mod rules;
mod simd;
mod state;

pub use error::{PatternError, SplitError};
pub use simd::InstructionSet;

use std::sync::Arc;

use machine::Machine;
use regex::Splitter;
use simd::Scanner;

/// Whose regular-expression semantics a pattern has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// fancy-regex, as tiktoken uses it.
    Tiktoken,
    /// Oniguruma, as Hugging Face tokenizers uses it.
    HuggingFace,
}

/// What happens to text that a pattern does not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gaps {
    /// It is a piece of its own.
    Keep,
    /// It is dropped, as tiktoken does.
    Drop,
}

/// One of several splits applied in sequence, each to every piece of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split<'a> {
    /// Matches of a pattern, and the text between them, become pieces.
    Pattern(&'a str),
    /// Every digit becomes a piece: the `Digits` pre-tokenizer of Hugging Face with `individual_digits`.
    Digits,
}

/// A bounded buffer of piece ends, relative to where the scan began.
#[derive(Debug)]
pub struct PieceEnds {
    /// The ends, increasing.
    pub ends: Vec<u32>,
    /// How many ends one scan may produce, at least one.
    pub capacity: usize,
    /// Which of the pieces, by position in `ends`, are no pieces but text to be dropped; increasing, and empty
    /// unless the pretokenizer was built with [`Gaps::Drop`].
    pub dropped: Vec<u32>,
}

impl Default for PieceEnds {
    fn default() -> Self {
        Self { ends: Vec::new(), capacity: 1024, dropped: Vec::new() }
    }
}

impl PieceEnds {
    /// Empties the buffer and keeps its memory.
    pub fn clear(&mut self) {
        self.ends.clear();
        self.dropped.clear();
    }

    /// The pieces as ranges of the text, dropped text left out; `from` is where the scan began.
    pub fn ranges(&self, from: usize) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        let mut dropped = self.dropped.iter().peekable();
        let mut start = from;
        self.ends.iter().zip(0_u32..).filter_map(move |(&end, i)| {
            let piece = start..from + end as usize;
            start = piece.end;
            dropped.next_if(|&&place| place == i).is_none().then_some(piece)
        })
    }

    /// Room for more ends.
    const fn room(&self) -> usize {
        let capacity = if self.capacity == 0 { 1 } else { self.capacity };
        capacity.saturating_sub(self.ends.len())
    }
}

/// A frozen pretokenizer.
#[derive(Debug, Clone)]
pub struct Pretokenizer {
    engine: Engine,
    patterns: Arc<[String]>,
}

#[derive(Debug, Clone)]
enum Engine {
    Whole,
    Machine(Arc<Machine>),
    /// A scanner, and the automaton that it must equal.
    Scanner(Scanner, Arc<Machine>),
    Regex(Arc<Splitter>),
}

impl Engine {
    fn new(plan: &build::Plan) -> Result<Self, PatternError> {
        let machine = build::shared(plan);
        Ok(match Scanner::of(plan)? {
            Some(scanner) => Self::Scanner(scanner, machine),
            None => Self::Machine(machine),
        })
    }
}

impl Pretokenizer {
    /// Compiles a pattern; text that it does not match is kept.
    ///
    /// # Errors
    /// If the pattern is not a valid regular expression, and as [`InstructionSet::chosen`].
    pub fn from_pattern(pattern: &str, dialect: Dialect) -> Result<Self, PatternError> {
        Self::from_pattern_with(pattern, dialect, Gaps::Keep)
    }

    /// Compiles a pattern and says what happens to text that it does not match.
    ///
    /// # Errors
    /// If the pattern is not a valid regular expression, and as [`InstructionSet::chosen`].
    pub fn from_pattern_with(pattern: &str, dialect: Dialect, gaps: Gaps) -> Result<Self, PatternError> {
        let engine = match recognize::pattern(pattern, dialect) {
            // Compiled patterns match all text, so that there are no gaps.
            Some(rules) => Engine::new(&build::Plan::Rules(rules))?,
            None => Engine::Regex(Arc::new(Splitter::new(pattern, dialect, gaps)?)),
        };
        Ok(Self { engine, patterns: [pattern.to_owned()].into() })
    }

    /// The automaton for a sequence of splits with Hugging Face semantics, if the sequence is a known one.
    ///
    /// # Errors
    /// As [`InstructionSet::chosen`].
    pub fn from_splits(splits: &[Split<'_>]) -> Result<Option<Self>, PatternError> {
        let Some(plan) = recognize::sequence(splits) else { return Ok(None) };
        let patterns = splits.iter().map(|split| match split {
            Split::Pattern(pattern) => (*pattern).to_owned(),
            Split::Digits => r"\p{N}".to_owned(),
        });
        Ok(Some(Self { engine: Engine::new(&plan)?, patterns: patterns.collect() }))
    }

    /// A pretokenizer by the name of its vocabulary or model family; see [`Pretokenizer::names`].
    ///
    /// # Errors
    /// If there is none of that name, and as [`InstructionSet::chosen`].
    pub fn named(name: &str) -> Result<Self, PatternError> {
        named::find(name)
    }

    /// The names that [`Pretokenizer::named`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        named::names()
    }

    /// No split at all: the whole text is one piece.
    #[must_use]
    pub fn whole() -> Self {
        Self { engine: Engine::Whole, patterns: Arc::default() }
    }

    /// The pattern this was compiled from; none for [`Pretokenizer::whole`] and for sequences of splits.
    #[must_use]
    pub fn pattern(&self) -> Option<&str> {
        match &*self.patterns {
            [pattern] => Some(pattern),
            _ => None,
        }
    }

    /// The patterns this was compiled from, in the order in which they split.
    #[must_use]
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// The automaton, if this is of a compiled family.
    #[must_use]
    pub fn machine(&self) -> Option<&Machine> {
        match &self.engine {
            Engine::Machine(machine) | Engine::Scanner(_, machine) => Some(machine),
            Engine::Whole | Engine::Regex(_) => None,
        }
    }

    /// The same with its scanner, if it has one, on another instruction set: for tests and benchmarks.
    #[must_use]
    pub fn on(mut self, set: InstructionSet) -> Self {
        if let Engine::Scanner(scanner, _) = &mut self.engine {
            *scanner = scanner.on(set);
        }
        self
    }

    /// Appends piece ends relative to `from`, up to the buffer's capacity and at least one if text remains;
    /// returns the position after the last piece.
    ///
    /// `from` is the start of a piece: 0 or what the call before returned.
    ///
    /// # Errors
    /// Only on the general regex path, if the engine gives up on a text that makes it backtrack without end, and
    /// if one piece is longer than 4 GiB.
    ///
    /// # Panics
    /// If `from` is beyond the end of the text.
    #[inline]
    pub fn try_pieces(&self, text: &str, from: usize, buffer: &mut PieceEnds) -> Result<usize, SplitError> {
        if from == text.len() {
            return Ok(from);
        }
        match &self.engine {
            Engine::Scanner(scanner, machine) => scanner.pieces(machine, text, from, buffer),
            Engine::Machine(machine) => machine.pieces(text, from, buffer),
            Engine::Regex(splitter) => splitter.pieces(text, from, buffer),
            Engine::Whole => {
                let end = u32::try_from(text.len() - from).map_err(|_| SplitError::too_long(from))?;
                buffer.ends.push(end);
                Ok(text.len())
            }
        }
    }

    /// Whether text can be cut at a position, both halves be split apart, and the pieces be those of the whole.
    ///
    /// Positions where this is not proven give `false`; so does a position inside a character.
    #[must_use]
    pub fn is_safe_cut(&self, text: &str, at: usize) -> bool {
        if at == 0 || at == text.len() {
            return true;
        }
        match &self.engine {
            Engine::Machine(machine) | Engine::Scanner(_, machine) if text.is_char_boundary(at) => {
                machine.is_safe_cut(text.as_bytes(), at)
            }
            _ => false,
        }
    }
}
