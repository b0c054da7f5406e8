//! Any tokenizer in terms of `tokenizer.json`.

use super::dialect::to_oniguruma;
use super::error::CompileError;
use super::model::Model;
use super::tokenizer::Tokenizer;
use crate::spec::{
    AddedToken, AddedTokenPolicy, Alphabet, Decoder, MergeRule, Pattern, PreTokenizer, Segmentation, SplitBehavior,
    TokenTable, TokenizerSpec, text_to_bytes,
};
use std::collections::HashMap;

impl Tokenizer {
    /// The same tokenizer in terms of `tokenizer.json`: with merges in place of ranks, the byte alphabet, and a pattern of
    /// Oniguruma's dialect. Other tokenizers are as they are.
    ///
    /// Where the format would give an added token another id, the token also becomes an entry of the vocabulary; then a
    /// piece that is exactly its text is that token.
    ///
    /// Vocabularies whose ranks contradict any order of merges (Llama 3) get a merge for every split of every token, as
    /// published conversions do. That is the same but where two splits of one token overlap in a text.
    ///
    /// # Errors
    /// If the pattern holds something that is not translated, or an added token is found in a way that the format cannot say.
    pub fn portable_spec(&self) -> Result<TokenizerSpec, CompileError> {
        self.check_symbols()?;
        let mut spec = self.spec.clone();
        if let Segmentation::Tiktoken(pattern) = &spec.segmentation {
            spec.segmentation = Segmentation::Chain(self.chain_of(pattern)?);
        } else if spec.alphabet == Alphabet::Raw {
            let chain = PreTokenizer::ByteLevel { add_prefix_space: false, trim_offsets: true, use_regex: false };
            spec.segmentation = Segmentation::Chain(chain);
        }
        if let (MergeRule::Ranks, Model::Encoder { encoder, .. }) = (&spec.model.merges, &self.model) {
            spec.model.merges = MergeRule::Pairs(match encoder.bpe().merges() {
                Some(merges) => merges.into_iter().map(|(left, right, _)| (left.0, right.0)).collect(),
                None => all_splits(&spec.model.tokens)?,
            });
            spec.model.ignore_merges = true;
        }
        if spec.alphabet == Alphabet::Raw {
            spec.alphabet = Alphabet::ByteLevel;
            spec.decoder = Some(Decoder::ByteLevel { add_prefix_space: true, trim_offsets: true, use_regex: true });
        }
        spec.added_token_policy = AddedTokenPolicy::SkipDisallowed;
        enter_added_tokens(&mut spec);
        Ok(spec)
    }

    /// Readers of the format look for the normalized form of a token in normalized text, SentencePiece for the token.
    fn check_symbols(&self) -> Result<(), CompileError> {
        let written = |token: &&AddedToken| {
            token.normalized && self.normalization.plain(&token.content).is_ok_and(|form| form != token.content)
        };
        match self.spec.added_tokens.iter().find(written) {
            Some(token) if self.spec.added_token_policy == AddedTokenPolicy::AllowedOnly => {
                let found = format!("the user's symbol {:?}, which a normalizer changes", token.content);
                Err(CompileError::component("added tokens", found, "symbols that stay as they are"))
            }
            _ => Ok(()),
        }
    }

    /// The chain that splits as a pattern of tiktoken's dialect does.
    fn chain_of(&self, pattern: &str) -> Result<PreTokenizer, CompileError> {
        let compiled = self.model.pretokenizer().filter(|pretokenizer| pretokenizer.machine().is_some());
        let patterns: Vec<String> = match compiled {
            Some(pretokenizer) => pretokenizer.patterns().to_vec(),
            None => vec![pattern.to_owned()],
        };
        let mut chain = Vec::new();
        for pattern in &patterns {
            let translated = to_oniguruma(pattern).map_err(|found| {
                CompileError::component("pattern", found, "syntax that tiktoken and tokenizers both have")
            })?;
            // Text that a compiled pattern does not match does not exist; that of others is dropped.
            let behavior = if compiled.is_some() { SplitBehavior::Isolated } else { SplitBehavior::Removed };
            chain.push(PreTokenizer::Split {
                pattern: Pattern::Regex(translated),
                behavior,
                invert: compiled.is_none(),
            });
        }
        chain.push(PreTokenizer::ByteLevel { add_prefix_space: false, trim_offsets: true, use_regex: false });
        Ok(PreTokenizer::Sequence(chain))
    }
}

/// Longer tokens are not split in all ways.
const LONGEST_SPLIT: usize = 1 << 10;

/// Every way to make a token of two others, in the order of the products' ranks.
fn all_splits(tokens: &TokenTable) -> Result<Vec<(u32, u32)>, CompileError> {
    let encodable =
        || (0..tokens.len()).filter(|&entry| tokens.is_encodable(entry)).filter_map(|entry| tokens.get(entry));
    let ids: HashMap<&[u8], u32, foldhash::fast::RandomState> = encodable().collect();
    let mut splits: Vec<(u32, u32, u32)> = Vec::with_capacity(ids.len() * 2);
    for (bytes, id) in encodable() {
        if bytes.len() > LONGEST_SPLIT {
            return Err(CompileError::too_large("bytes of a token", bytes.len(), LONGEST_SPLIT));
        }
        for (left, right) in (1..bytes.len()).map(|at| bytes.split_at(at)) {
            if let (Some(&left), Some(&right)) = (ids.get(left), ids.get(right)) {
                splits.push((id, left, right));
            }
        }
    }
    splits.sort_unstable();
    Ok(splits.into_iter().map(|(_, left, right)| (left, right)).collect())
}

/// Enters added tokens into the vocabulary whose ids readers of the format would not find out: those that are not in the
/// vocabulary get the next ids in order.
fn enter_added_tokens(spec: &mut TokenizerSpec) {
    let read_as = |content: &str| {
        let mut bytes = Vec::new();
        if spec.alphabet == Alphabet::ByteLevel && text_to_bytes(content, &mut bytes) {
            (bytes, true)
        } else {
            (content.as_bytes().to_vec(), spec.alphabet != Alphabet::ByteLevel)
        }
    };
    let strings: Vec<(Vec<u8>, bool)> = spec.added_tokens.iter().map(|token| read_as(&token.content)).collect();
    // The same bytes may be a token in the byte alphabet and, as they are, an added token.
    let written = |entry: usize| spec.alphabet != Alphabet::ByteLevel || spec.model.tokens.is_encodable(entry);
    let mut known: HashMap<(&[u8], bool), u32> = (0..spec.model.tokens.len())
        .filter_map(|entry| spec.model.tokens.get(entry).map(|(bytes, id)| ((bytes, written(entry)), id)))
        .collect();
    let mut entered = Vec::new();
    // Each entry makes the next free id larger, so that tokens before it may need one too.
    loop {
        let mut next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        let before = entered.len();
        for (token, (bytes, encodable)) in spec.added_tokens.iter().zip(&strings) {
            if known.contains_key(&(bytes.as_slice(), *encodable)) {
                continue;
            }
            if next != token.id {
                known.insert((bytes, *encodable), token.id);
                entered.push((bytes.clone(), *encodable, token.id));
                break;
            }
            next += 1;
        }
        if entered.len() == before {
            break;
        }
    }
    for (bytes, encodable, id) in entered {
        if encodable {
            spec.model.tokens.push(&bytes, id);
        } else {
            spec.model.tokens.push_not_encodable(&bytes, id);
        }
    }
}
