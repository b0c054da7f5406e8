//! BPE over characters with every rule that the `tokenizer.json` format has for symbols.
//!
//! Few models need it: those with affixes (CLIP's `</w>`), with an incomplete set of byte tokens, or with an incomplete
//! byte alphabet and an unknown token. All others use [`Bpe`](crate::bpe::Bpe).

use super::error::{CompileError, EncodeError};
use super::model::Unrepresentable;
use crate::spec::{Dropout, MergeRule, Symbols, TokenizerSpec};
use foldhash::fast::RandomState;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::BuildHasher;

/// A frozen model.
#[derive(Debug)]
pub(super) struct SymbolBpe {
    ids: HashMap<Box<str>, u32, RandomState>,
    /// (left, right) -> (rank, product).
    merges: HashMap<(u32, u32), (u32, u32), RandomState>,
    prefix: String,
    suffix: String,
    /// By byte: the id of its token `<0xXX>`, where characters may fall back to it.
    fallback: Box<[Option<u32>]>,
    unknown: Option<u32>,
    fuse_unknown: bool,
    ignore_merges: bool,
    dropout: Option<Dropout>,
}

/// A token of a piece and the bytes of the piece that it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Covered {
    pub(super) id: u32,
    pub(super) len: usize,
}

impl SymbolBpe {
    pub(super) fn new(spec: &TokenizerSpec) -> Result<Self, CompileError> {
        let mut ids = HashMap::with_capacity_and_hasher(spec.model.tokens.len(), RandomState::default());
        let mut strings = HashMap::with_capacity(spec.model.tokens.len());
        for (bytes, id) in spec.model.tokens.iter() {
            let text = String::from_utf8_lossy(bytes);
            ids.insert(text.clone().into_owned().into_boxed_str(), id);
            if let Some(other) = strings.insert(id, text.clone()) {
                return Err(CompileError::duplicate_id(format!("{other:?}"), format!("{text:?}"), id));
            }
        }
        let options = &spec.symbol_options;
        let MergeRule::Pairs(pairs) = &spec.model.merges else {
            return Err(CompileError::component("model", "ranks with affixes", "a list of merges"));
        };
        let mut merges = HashMap::with_capacity_and_hasher(pairs.len(), RandomState::default());
        for (rank, &(left, right)) in (0_u32..).zip(pairs) {
            let parts = strings.get(&left).zip(strings.get(&right));
            let (l, r) = parts.ok_or_else(|| crate::bpe::BpeError::unknown_merge_part(rank, left, right))?;
            let tail = r.get(options.continuing_subword_prefix.len()..).unwrap_or_default();
            let product = ids.get(format!("{l}{tail}").as_str());
            let product = *product.ok_or_else(|| crate::bpe::BpeError::unknown_merge_product(rank, left, right))?;
            merges.insert((left, right), (rank, product));
        }
        let Symbols::Chars { byte_fallback, unknown, fuse_unknown } = &spec.model.symbols else {
            return Err(CompileError::component("model", "bytes with affixes", "characters"));
        };
        let fallback = (0..=255_u8).map(|byte| match byte_fallback {
            Some(all) => Some(all[usize::from(byte)]),
            None if options.partial_byte_fallback => ids.get(format!("<0x{byte:02X}>").as_str()).copied(),
            None => None,
        });
        Ok(Self {
            fallback: fallback.collect(),
            ids,
            merges,
            prefix: options.continuing_subword_prefix.clone(),
            suffix: options.end_of_word_suffix.clone(),
            unknown: *unknown,
            fuse_unknown: *fuse_unknown,
            ignore_merges: spec.model.ignore_merges,
            dropout: options.dropout,
        })
    }

    /// The first character of a piece that would be dropped: it is no symbol and there is nothing to stand for it.
    pub(super) fn first_dropped(&self, piece: &str) -> Option<(usize, char)> {
        if self.unknown.is_some() || (self.ignore_merges && self.ids.contains_key(piece)) {
            return None;
        }
        let mut key = String::new();
        piece
            .char_indices()
            .find(|&(at, c)| self.symbol(piece, at, c, &mut key).is_none() && self.bytes_of(&key).is_none())
    }

    /// Appends the tokens of a piece, unless part of it would be lost and may not. O(n log n).
    pub(super) fn try_encode(
        &self,
        piece: &str,
        policy: Unrepresentable,
        out: &mut Vec<Covered>,
    ) -> Result<(), EncodeError> {
        if policy == Unrepresentable::Error
            && let Some((_, c)) = self.first_dropped(piece)
        {
            return Err(EncodeError::character(c));
        }
        self.encode(piece, out);
        Ok(())
    }

    /// Appends the tokens of a piece. O(n log n).
    pub(super) fn encode(&self, piece: &str, out: &mut Vec<Covered>) {
        if self.ignore_merges
            && let Some(&id) = self.ids.get(piece)
        {
            out.push(Covered { id, len: piece.len() });
            return;
        }
        let mut word = self.word(piece);
        self.merge(&mut word);
        out.extend(
            word.iter().filter(|symbol| symbol.len > 0).map(|symbol| Covered { id: symbol.id, len: symbol.len }),
        );
    }

    /// The token that stands for a byte which is no text: its byte token, or the unknown token.
    pub(super) fn stray_byte(&self, byte: u8) -> Option<u32> {
        self.fallback[usize::from(byte)].or(self.unknown)
    }

    /// The id of the character at a place of a piece; `key` receives it with its affixes.
    fn symbol(&self, piece: &str, at: usize, c: char, key: &mut String) -> Option<u32> {
        key.clear();
        if at > 0 {
            key.push_str(&self.prefix);
        }
        key.push(c);
        if at + c.len_utf8() == piece.len() {
            key.push_str(&self.suffix);
        }
        self.ids.get(key.as_str()).copied()
    }

    /// The byte tokens of a symbol, if it has all of them.
    fn bytes_of(&self, key: &str) -> Option<Vec<u32>> {
        key.bytes().map(|byte| self.fallback[usize::from(byte)]).collect()
    }

    /// The symbols before the first merge.
    ///
    /// A run of unknown characters is entered when the next known symbol is: byte tokens in between come before it, as in
    /// tokenizers.
    fn word(&self, piece: &str) -> Vec<Symbol> {
        let mut word: Vec<Symbol> = Vec::with_capacity(piece.len());
        let mut pending: Option<Covered> = None;
        let mut key = String::new();
        for (at, c) in piece.char_indices() {
            let len = c.len_utf8();
            if let Some(id) = self.symbol(piece, at, c, &mut key) {
                word.extend(pending.take().map(Symbol::from));
                word.push(Symbol::from(Covered { id, len }));
            } else if let Some(bytes) = self.bytes_of(&key) {
                word.extend(bytes.into_iter().map(|id| Symbol::from(Covered { id, len: 1 })));
            } else if let Some(id) = self.unknown {
                let before = pending.take();
                let fused = before.filter(|_| self.fuse_unknown).map_or(0, |covered| covered.len);
                if !self.fuse_unknown {
                    word.extend(before.map(Symbol::from));
                }
                pending = Some(Covered { id, len: fused + len });
            }
        }
        word.extend(pending.map(Symbol::from));
        let count = word.len();
        for (index, symbol) in word.iter_mut().enumerate() {
            symbol.before = index.checked_sub(1);
            symbol.after = Some(index + 1).filter(|&after| after < count);
        }
        word
    }

    fn merge(&self, word: &mut [Symbol]) {
        let mut queue: BinaryHeap<Reverse<(u32, usize, u32)>> = BinaryHeap::with_capacity(word.len());
        let candidate = |word: &[Symbol], left: usize| {
            let right = word[left].after?;
            let &(rank, product) = self.merges.get(&(word[left].id, word[right].id))?;
            Some(Reverse((rank, left, product)))
        };
        queue.extend((0..word.len()).filter_map(|left| candidate(word, left)));
        let mut chance = self.dropout.map(Chance::new);
        let mut passed_over = Vec::new();
        while let Some(Reverse((rank, left, product))) = queue.pop() {
            if chance.as_mut().is_some_and(Chance::drops) {
                passed_over.push(Reverse((rank, left, product)));
                continue;
            }
            // What was passed over has another chance after every merge.
            queue.extend(passed_over.drain(..));
            // An entry is out of date if one of its symbols is gone or has merged.
            let Some(right) = word[left].after.filter(|_| word[left].len > 0) else { continue };
            if self.merges.get(&(word[left].id, word[right].id)).is_none_or(|merge| merge.1 != product) {
                continue;
            }
            word[left].id = product;
            word[left].len += word[right].len;
            word[left].after = word[right].after;
            word[right].len = 0;
            if let Some(after) = word[left].after {
                word[after].before = Some(left);
            }
            if let Some(before) = word[left].before {
                queue.extend(candidate(word, before));
            }
            queue.extend(candidate(word, left));
        }
    }
}

/// Decides at random which merges are passed over.
struct Chance {
    state: u64,
    /// Numbers below it, of 2^24, mean that the merge is passed over.
    below: u64,
}

impl Chance {
    fn new(dropout: Dropout) -> Self {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 2^24")]
        let below = (f64::from(dropout.probability()) * f64::from(1 << 24)).ceil() as u64;
        // A new hasher has another seed each time.
        Self { state: RandomState::default().hash_one(0), below }
    }

    /// The next decision, by the generator splitmix64.
    fn drops(&mut self) -> bool {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) >> 40 < self.below
    }
}

/// A symbol in a linked list; length zero once it has merged into the one before it.
#[derive(Debug, Clone, Copy)]
struct Symbol {
    id: u32,
    len: usize,
    before: Option<usize>,
    after: Option<usize>,
}

impl From<Covered> for Symbol {
    fn from(Covered { id, len }: Covered) -> Self {
        Self { id, len, before: None, after: None }
    }
}
