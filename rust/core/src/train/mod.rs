//! Learning a vocabulary: exact greedy byte-pair encoding from counted pieces.
//!
//! A tokenizer's pieces never merge with each other, so all that training needs of a text is how often each piece occurs
//! ([`PieceCounter`]): counts of several texts, machines or days add up, and the order of the text does not matter.
//! [`train`] then merges the most frequent pair of neighbouring symbols again and again.
//!
//! Cost, for `n` symbols of distinct pieces and `v` tokens: O(n + v) expected for all merging together but for the queue, and
//! O(n) memory. The result does not depend on the number of threads, the order of the pieces or the layout of hash tables.
//!
//! When not to use it: for Unigram or `WordPiece` vocabularies, and for text without a pretokenizer of more than 4 GiB.
//!
//! ```
//! use tokengrove::train::{self, AlphabetOptions, Goal, PieceCounter, Quiet};
//! let mut pieces = PieceCounter::new();
//! pieces.add(b"low", 5);
//! pieces.add(b"lower", 2);
//! let learned = train::train(&AlphabetOptions::default(), &pieces, &Goal::of_size(7), &mut Quiet)?;
//! let tokens: Vec<&[u8]> = learned.tokens().collect();
//! assert_eq!(tokens, [&b"e"[..], b"l", b"o", b"r", b"w", b"lo", b"low"]);
//! # Ok::<(), train::TrainError>(())
//! ```

mod alphabet;
mod compatible;
mod corpus;
mod count;
mod counter;
mod counts;
mod error;
mod learner;
mod options;
mod pairs;
mod recount;
#[cfg(test)]
mod reference;
mod replay;
mod superwords;
#[cfg(test)]
mod tests;
mod vocabulary;

pub use count::ParallelCounter;
pub use counter::PieceCounter;
pub use counts::{CountsError, CountsFile, Source, write_counts};
pub use error::TrainError;
pub use options::{AlphabetOptions, Goal, JoinRule, MaxLength, Phase, Progress, Ties, Units};

pub use superwords::{RunCounter, train_on_runs};

use alphabet::Alphabet;
use corpus::{Corpus, MAX_IDS};
use learner::{Learner, Outcome};
use replay::Replay;
use vocabulary::Vocabulary;

/// Pieces with their counts; [`PieceCounter`] is one.
pub trait Pieces {
    /// Calls `f` with every piece and its count, each time the same.
    fn for_each(&self, f: &mut dyn FnMut(&[u8], u64));
}

impl Pieces for PieceCounter {
    fn for_each(&self, f: &mut dyn FnMut(&[u8], u64)) {
        Self::for_each(self, f);
    }
}

/// What is told how training goes, and may end it.
pub trait Observe {
    /// Called every few merges.
    ///
    /// # Errors
    /// An error ends the training; see [`TrainError::interrupted`].
    fn progress(&mut self, progress: Progress, so_far: SoFar<'_>) -> Result<(), TrainError>;
}

/// What was learned so far.
#[derive(Debug, Clone, Copy)]
pub struct SoFar<'a> {
    vocabulary: &'a Vocabulary,
    merges: &'a [Merge],
    resumable: bool,
}

impl<'a> SoFar<'a> {
    /// What training needs to go on from here later: the merges by what their parts spell, the inherited ones among them.
    /// `None` while nothing can be resumed: before learning begins, and where a token was spelled twice in the order of
    /// tokenizers.
    #[must_use]
    pub fn resumable(&self) -> Option<impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])> + use<'a>> {
        let vocabulary = self.vocabulary;
        let named = self.merges.iter().map(|merge| (vocabulary.get(merge.left), vocabulary.get(merge.right)));
        self.resumable.then_some(named)
    }
}

/// An observer that does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Observe for Quiet {
    fn progress(&mut self, _: Progress, _: SoFar<'_>) -> Result<(), TrainError> {
        Ok(())
    }
}

/// A merge that was learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Merge {
    /// The left symbol.
    pub left: u32,
    /// The right symbol.
    pub right: u32,
    /// What they become.
    pub token: u32,
    /// How often the pair stood in the text when it merged.
    pub count: u64,
}

/// Merges learned before, by what their parts spell.
#[derive(Debug, Clone, Default)]
pub struct Inherited {
    /// Left and right token of each, in order.
    pub merges: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether merges are kept that the pieces have no use for.
    pub keep_unused: bool,
}

/// What was learned.
#[derive(Debug, Clone)]
pub struct Trained {
    vocabulary: Vocabulary,
    merges: Vec<Merge>,
    inherited: usize,
}

impl Trained {
    /// The tokens in order of id: special tokens, symbols, then what merging made. Strings are bytes for byte units, and
    /// UTF-8 for others and for tokens [apart](Self::is_apart).
    pub fn tokens(&self) -> impl Iterator<Item = &[u8]> {
        self.vocabulary.iter()
    }

    /// The number of tokens.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.vocabulary.len()
    }

    /// Whether there is no token.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a token is one that no bytes spell: a special token, or an initial character, outside the byte alphabet.
    #[must_use]
    pub fn is_apart(&self, id: u32) -> bool {
        self.vocabulary.is_apart(id)
    }

    /// The merges in the order in which they were learned; a pair may be there twice if [`Ties::Tokenizers`] says so.
    #[must_use]
    pub fn merges(&self) -> &[Merge] {
        &self.merges
    }

    /// How many of the merges were inherited.
    #[must_use]
    pub const fn inherited(&self) -> usize {
        self.inherited
    }
}

/// Learns a vocabulary from pieces.
///
/// # Errors
/// If there are no pieces, the vocabulary is smaller than the alphabet, the options contradict each other, the pieces have
/// 2^32 symbols or more, or the observer ends it.
pub fn train(
    alphabet: &AlphabetOptions,
    pieces: &dyn Pieces,
    goal: &Goal,
    observe: &mut dyn Observe,
) -> Result<Trained, TrainError> {
    continue_training(alphabet, pieces, &Inherited::default(), None, goal, observe)
}

/// The merges of a training that was interrupted; see [`SoFar::resumable`].
#[derive(Debug, Clone, Default)]
pub struct Resume {
    /// All merges by then, inherited ones among them.
    pub merges: Vec<(Vec<u8>, Vec<u8>)>,
    /// How many of them were inherited.
    pub inherited: usize,
}

/// Applies merges that are known, in order, then learns more: another stage of training, or an extended vocabulary. With
/// `resume`, goes on where the same training was interrupted; the result is the same.
///
/// # Errors
/// As [`train`].
pub fn continue_training(
    alphabet: &AlphabetOptions,
    pieces: &dyn Pieces,
    inherited: &Inherited,
    resume: Option<&Resume>,
    goal: &Goal,
    observe: &mut dyn Observe,
) -> Result<Trained, TrainError> {
    let mut start = match resume {
        Some(Resume { merges, inherited }) => {
            let known = Inherited { merges: merges.clone(), keep_unused: true };
            Start { inherited: *inherited, ..begin(alphabet, pieces, &known, goal, observe)? }
        }
        None => begin(alphabet, pieces, inherited, goal, observe)?,
    };
    let distinct = alphabet.ties == Ties::Tokenizers;
    let corpus = std::mem::take(&mut start.corpus);
    let mut learner = Learner::new(corpus, &mut start.vocabulary, &mut start.merges, goal, distinct);
    if learner.run(observe)? == Outcome::Repeated {
        drop(learner);
        start = begin(alphabet, pieces, inherited, goal, observe)?;
        let Start { corpus, vocabulary, merges, .. } = &mut start;
        compatible::run(corpus, vocabulary, merges, goal, observe)?;
    }
    Ok(Trained { vocabulary: start.vocabulary, merges: start.merges, inherited: start.inherited })
}

/// Where learning begins.
struct Start {
    corpus: Corpus,
    vocabulary: Vocabulary,
    merges: Vec<Merge>,
    inherited: usize,
}

fn begin(
    options: &AlphabetOptions,
    pieces: &dyn Pieces,
    inherited: &Inherited,
    goal: &Goal,
    observe: &mut dyn Observe,
) -> Result<Start, TrainError> {
    let progress = |phase, tokens| Progress { phase, tokens, goal: goal.vocab_size };
    let nothing = Vocabulary::default();
    let so_far = SoFar { vocabulary: &nothing, merges: &[], resumable: false };
    observe.progress(progress(Phase::Layout, 0), so_far)?;
    if goal.vocab_size > MAX_IDS as usize {
        return Err(TrainError::too_large("vocab_size", goal.vocab_size, MAX_IDS as usize));
    }
    let (alphabet, mut vocabulary) = Alphabet::new(options, pieces)?;
    let mut any = false;
    pieces.for_each(&mut |_, _| any = true);
    if !any {
        return Err(TrainError::empty());
    }
    if goal.vocab_size < vocabulary.len() {
        let more = [(options.special_tokens.len(), "special"), (goal.reserved, "appended")];
        let more =
            more.iter().filter(|(count, _)| *count > 0).map(|(count, kind)| format!(" and {count} {kind} tokens"));
        let of = std::iter::once("its symbols".to_owned()).chain(more).collect::<String>();
        let (found, needed) = (goal.vocab_size + goal.reserved, vocabulary.len() + goal.reserved);
        return Err(TrainError::vocab_too_small(found, needed, of));
    }
    let mut corpus = alphabet.corpus(pieces)?;
    let mut merges = Vec::new();
    if !inherited.merges.is_empty() {
        observe.progress(progress(Phase::Replay, vocabulary.len()), so_far)?;
        merges = replayed(&mut corpus, &mut vocabulary, inherited, options.ties);
        if goal.vocab_size < vocabulary.len() {
            return Err(TrainError::vocab_too_small(goal.vocab_size, vocabulary.len(), "the tokens inherited"));
        }
    }
    Ok(Start { corpus, vocabulary, inherited: merges.len(), merges })
}

/// Applies inherited merges, and enters their tokens.
fn replayed(corpus: &mut Corpus, vocabulary: &mut Vocabulary, inherited: &Inherited, ties: Ties) -> Vec<Merge> {
    let symbols = vocabulary.len();
    let known = enter(vocabulary, ties, &inherited.merges);
    let used = Replay::new(&known).run(corpus, vocabulary.len());
    if inherited.keep_unused || used.iter().all(|&used| used) {
        return known;
    }
    // The merges without use go, and those that build on them are without use too.
    let listed = known.iter().zip(&used).filter(|(_, used)| **used);
    let named: Vec<(Vec<u8>, Vec<u8>)> = listed
        .clone()
        .map(|(merge, _)| (vocabulary.get(merge.left).to_vec(), vocabulary.get(merge.right).to_vec()))
        .collect();
    let old: Vec<Merge> = listed.map(|(merge, _)| *merge).collect();
    let mut renamed: Vec<u32> = (0..u32::try_from(symbols).unwrap_or(MAX_IDS)).collect();
    renamed.resize(vocabulary.len(), 0);
    vocabulary.truncate(symbols);
    let new = enter(vocabulary, ties, &named);
    for (old, new) in old.iter().zip(&new) {
        renamed[old.token as usize] = new.token;
    }
    for symbol in corpus.symbols.iter_mut().filter(|symbol| **symbol < MAX_IDS) {
        *symbol = renamed[*symbol as usize];
    }
    new
}

/// Enters merges whose parts are tokens; others are left out.
fn enter(vocabulary: &mut Vocabulary, ties: Ties, merges: &[(Vec<u8>, Vec<u8>)]) -> Vec<Merge> {
    let mut string = Vec::new();
    let mut entered = Vec::with_capacity(merges.len());
    for (left, right) in merges {
        let (Some(left), Some(right)) = (vocabulary.id(left), vocabulary.id(right)) else { continue };
        vocabulary.joined(left, right, &mut string);
        let known = vocabulary.id(&string).filter(|_| ties == Ties::Tokenizers);
        let units = vocabulary.units(left) + vocabulary.units(right);
        let token = known.unwrap_or_else(|| vocabulary.push(&string, units));
        entered.push(Merge { left, right, token, count: 0 });
    }
    entered
}
