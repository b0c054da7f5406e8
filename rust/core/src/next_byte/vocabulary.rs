//! A tokenizer prepared for sums over bytes.

use super::error::VocabularyError;
use crate::bpe::Bpe;
use crate::cover::{Characters, CoverError, CoverRules, Cutting, Parts, Reading};
use crate::pipeline::{EncodeError, Tokenizer};
use crate::spec::{self, Normalizer, Pattern, PreTokenizer, PrependScheme, Segmentation, Symbols};
use crate::trie::VocabTrie;
use std::sync::Arc;

/// Which token sequences count.
///
/// In all modes the ids that end a text are one outcome beside the bytes, other special tokens are left out, and what is
/// left is divided by its sum after every token, so that a byte follows or the text ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Valid ones; after every token the others are left out and the rest renormalized. A proper distribution.
    Canonical,
    /// Valid ones, with the probabilities that the model gives them among all. Mass is lost at every token.
    CanonicalRaw,
    /// All.
    All,
}

/// A tokenizer prepared for sums over bytes. Frozen, but for a memory that changes speed only.
#[derive(Debug)]
pub struct ByteVocab {
    trie: Arc<VocabTrie>,
    rules: Option<Arc<CoverRules>>,
    mode: Mode,
    end_ids: Box<[u32]>,
    special_ids: Box<[u32]>,
    prefix: &'static [u8],
    width: usize,
}

/// The mark of SentencePiece for a space.
const MARK: char = '\u{2581}';

impl ByteVocab {
    /// Prepares a tokenizer. `end_ids` are the tokens that end a text.
    ///
    /// # Errors
    /// If an end is not in the vocabulary, or the mode needs to follow valid encodings and the tokenizer is of a kind for
    /// which that is not implemented.
    pub fn new(tokenizer: &Tokenizer, mode: Mode, end_ids: &[u32]) -> Result<Self, VocabularyError> {
        let width = tokenizer.max_token_id().map_or(0, |id| id as usize + 1);
        if let Some(&id) = end_ids.iter().find(|&&id| id as usize >= width) {
            return Err(VocabularyError::unknown_end(id, width));
        }
        let mut ends = end_ids.to_vec();
        ends.sort_unstable();
        ends.dedup();
        let is_special = |id: u32| tokenizer.is_special(id) || tokenizer.token_bytes(id).is_some_and(<[u8]>::is_empty);
        let ids = (0u32..).take(width).filter(|id| tokenizer.token_bytes(*id).is_some() && !ends.contains(id));
        let (special_ids, ordinary): (Vec<u32>, Vec<u32>) = ids.partition(|&id| is_special(id));
        let bytes = |id: &u32| (tokenizer.token_bytes(*id).unwrap_or_default(), *id);
        let trie = Arc::new(VocabTrie::new(ordinary.iter().map(bytes)));
        let rules = match mode {
            Mode::All => None,
            Mode::Canonical | Mode::CanonicalRaw => Some(Arc::new(rules(tokenizer, &trie, &ends)?)),
        };
        let prefix = if prepends(tokenizer.spec()) { &b" "[..] } else { b"" };
        Ok(Self { trie, rules, mode, end_ids: ends.into(), special_ids: special_ids.into(), prefix, width })
    }

    /// The trie of the ordinary tokens.
    #[must_use]
    pub const fn trie(&self) -> &Arc<VocabTrie> {
        &self.trie
    }

    /// Which sequences are valid; `None` if all count.
    #[must_use]
    pub const fn rules(&self) -> Option<&Arc<CoverRules>> {
        self.rules.as_ref()
    }

    /// Which sequences count.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The ids that end a text, in order.
    #[must_use]
    pub const fn end_ids(&self) -> &[u32] {
        &self.end_ids
    }

    /// The special tokens that are left out, in order.
    #[must_use]
    pub const fn special_ids(&self) -> &[u32] {
        &self.special_ids
    }

    /// What the tokenizer puts before every text: the space that many SentencePiece vocabularies begin words with.
    #[must_use]
    pub const fn prefix(&self) -> &'static [u8] {
        self.prefix
    }

    /// The fewest logits that a model may give.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// By id: whether a token may follow a sequence of tokens, which ends count among. `None` if all count, or if the sequence
    /// is not valid itself.
    #[must_use]
    pub fn valid_next(&self, history: &[u32]) -> Option<Vec<bool>> {
        let rules = self.rules.as_ref()?;
        let mut leaf_of = vec![usize::MAX; self.width];
        for (leaf, &id) in self.trie.all_ids().iter().enumerate() {
            leaf_of[id as usize] = leaf;
        }
        let mut reading = rules.start();
        for &id in history {
            let leaf = *leaf_of.get(id as usize)?;
            reading = if leaf == usize::MAX { None } else { rules.append(&reading, leaf) }?;
        }
        let bits = rules.valid(&reading);
        let mut valid = vec![false; self.width];
        for (leaf, &id) in self.trie.all_ids().iter().enumerate() {
            valid[id as usize] = bits[leaf / 64] >> (leaf % 64) & 1 == 1;
        }
        let may_end = rules.may_end(&reading);
        self.end_ids.iter().for_each(|&id| valid[id as usize] = may_end);
        Some(valid)
    }

    /// Whether the text may end.
    #[must_use]
    pub fn may_end(&self, reading: Option<&Reading>) -> bool {
        match (&self.rules, reading) {
            (Some(rules), Some(reading)) => rules.may_end(reading),
            _ => true,
        }
    }
}

/// The rules of a tokenizer.
fn rules(tokenizer: &Tokenizer, trie: &Arc<VocabTrie>, ends: &[u32]) -> Result<CoverRules, CoverError> {
    let spec = tokenizer.spec();
    let unsupported =
        |found: &str| CoverError::unsupported(found, "merges of bytes, or of characters with byte tokens");
    let bpe = tokenizer.bpe().ok_or_else(|| unsupported("affixes or an incomplete set of symbols"))?;
    let kept = |token: &&spec::AddedToken| !token.special && !ends.contains(&token.id);
    let added: Vec<&spec::AddedToken> = tokenizer.added_tokens().iter().filter(kept).collect();
    if let Some(token) = added.iter().find(|token| token.single_word || token.lstrip || token.rstrip) {
        return Err(CoverError::unsupported(
            format_args!("the added token {:?}, which looks at the text around it", token.content),
            "added tokens without lstrip, rstrip and single_word",
        ));
    }
    let added: Vec<u32> = added.iter().map(|token| token.id).collect();
    let (cutting, bytes) = match &spec.model.symbols {
        Symbols::Bytes => (bytes_cutting(tokenizer)?, None),
        Symbols::Chars { byte_fallback: Some(ids), .. } if !spec.model.ignore_merges => {
            let cut_at_spaces = cuts_at_spaces(spec).ok_or_else(|| {
                CoverError::unsupported("characters as symbols and a pretokenizer", "at most a metaspace")
            })?;
            // Text does not have the mark that spaces are written as.
            let mark = bpe.vocab().id(MARK.encode_utf8(&mut [0; 4]).as_bytes()).map(|_| MARK);
            let known = Characters::new(known_characters(bpe).chain(mark), cut_at_spaces);
            (Cutting::Characters(known), Some(&**ids))
        }
        Symbols::Chars { .. } => return Err(unsupported("characters as symbols and no byte tokens for unknown ones")),
    };
    let mark = bpe.vocab().id(MARK.encode_utf8(&mut [0; 4]).as_bytes());
    let marks_spaces = bytes.is_some() && mark.is_some();
    let whole_pieces = spec.model.ignore_merges || spec.model.merges == spec::MergeRule::Ranks;
    CoverRules::new(&Parts { trie: Arc::clone(trie), bpe, cutting, whole_pieces, marks_spaces, bytes, added: &added })
}

/// What cuts text where symbols are bytes.
fn bytes_cutting(tokenizer: &Tokenizer) -> Result<Cutting, CoverError> {
    let Some(pretokenizer) = tokenizer.pretokenizer() else {
        let pattern = match &tokenizer.spec().segmentation {
            Segmentation::Tiktoken(pattern) => format!("the pattern {pattern:?}, which is of no compiled family"),
            _ => "a chain of pre-tokenizers that is of no compiled family".to_owned(),
        };
        return Err(CoverError::unsupported(pattern, "a pattern of a known family, such as \"o200k_base\", or none"));
    };
    let whole = pretokenizer.patterns().is_empty();
    Ok(if whole { Cutting::Nothing } else { Cutting::Pattern(pretokenizer.clone()) })
}

/// The characters that are tokens, as text has them.
fn known_characters(bpe: &Bpe) -> impl Iterator<Item = char> + '_ {
    let table = bpe.vocab().table();
    table.iter().enumerate().filter(|(entry, _)| table.is_encodable(*entry)).filter_map(|(_, (bytes, _))| {
        let mut chars = std::str::from_utf8(bytes).ok()?.chars();
        let first = chars.next()?;
        chars.next().is_none().then_some(if first == MARK { ' ' } else { first })
    })
}

/// Whether pieces begin at every space; `None` for a chain that does anything else.
fn cuts_at_spaces(spec: &spec::TokenizerSpec) -> Option<bool> {
    match &spec.segmentation {
        Segmentation::Whole => Some(false),
        Segmentation::Chain(PreTokenizer::Metaspace { replacement: MARK, split, .. }) => Some(*split),
        Segmentation::Chain(PreTokenizer::Sequence(all)) if all.is_empty() => Some(false),
        _ => None,
    }
}

/// Whether a normalizer puts a space, or the mark that stands for one, before every text.
fn prepends_in(normalizer: &Normalizer) -> bool {
    match normalizer {
        Normalizer::Prepend(text) => text == " " || text.chars().eq([MARK]),
        Normalizer::Sequence(all) => all.iter().any(prepends_in),
        _ => false,
    }
}

/// Whether a space, or the mark that stands for one, is put before every text.
fn prepends(spec: &spec::TokenizerSpec) -> bool {
    fn chain(one: &PreTokenizer) -> bool {
        match one {
            PreTokenizer::Metaspace { prepend_scheme, .. } => *prepend_scheme != PrependScheme::Never,
            PreTokenizer::ByteLevel { add_prefix_space, .. } => *add_prefix_space,
            PreTokenizer::Sequence(all) => all.iter().any(chain),
            _ => false,
        }
    }
    spec.normalizer.as_ref().is_some_and(prepends_in)
        || matches!(&spec.segmentation, Segmentation::Chain(one) if chain(one))
}

/// Whether a normalizer changes text in other ways than writing spaces as marks.
fn rewrites(normalizer: &Normalizer) -> bool {
    match normalizer {
        Normalizer::Prepend(text) => !(text == " " || text.chars().eq([MARK])),
        Normalizer::Replace { pattern: Pattern::Literal(from), content } => {
            !(from == " " && content.chars().eq([MARK]))
        }
        Normalizer::Sequence(all) => all.iter().any(rewrites),
        _ => true,
    }
}

/// Text as a tokenizer's normalizer rewrites it, but for what that puts before it and how it writes spaces.
///
/// Bytes behind the last whole character, and text that is not UTF-8, stay as they are.
///
/// # Errors
/// If a regular expression of the normalizer gives up on the text.
pub fn normalize(tokenizer: &Tokenizer, text: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let Some(rule) = tokenizer.spec().normalizer.as_ref().filter(|one| rewrites(one)) else {
        return Ok(text.to_vec());
    };
    let (whole, rest) = match std::str::from_utf8(text) {
        Ok(whole) => (whole, &[][..]),
        Err(error) if error.error_len().is_none() => {
            let (whole, rest) = text.split_at(error.valid_up_to());
            (std::str::from_utf8(whole).unwrap_or_default(), rest)
        }
        Err(_) => return Ok(text.to_vec()),
    };
    let normalized = tokenizer.normalized(whole)?;
    let mut shown = &*normalized;
    if prepends_in(rule) {
        shown = shown.strip_prefix([' ', MARK]).unwrap_or(shown);
    }
    let mut bytes = shown.replace(MARK, " ").into_bytes();
    bytes.extend_from_slice(rest);
    Ok(bytes)
}
