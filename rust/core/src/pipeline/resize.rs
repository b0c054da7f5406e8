//! The same tokenizer with fewer tokens.

use super::compile;
use super::error::CompileError;
use super::tokenizer::Tokenizer;
use crate::spec::{MergeRule, Symbols, TokenTable};
use std::collections::{HashMap, HashSet};

impl Tokenizer {
    /// The tokenizer with the first `size` tokens, counted with added tokens: these stay all, and of the vocabulary those
    /// with the lowest ids stay. No id changes.
    ///
    /// # Errors
    /// If `size` is not between the number of tokens that must stay (symbols and added tokens) and [`Tokenizer::vocab_size`].
    pub fn with_vocab_size(&self, size: usize) -> Result<Self, CompileError> {
        let mut spec = self.spec.clone();
        let tokens = &spec.model.tokens;
        let added: HashSet<u32> = spec.added_tokens.iter().map(|token| token.id).collect();
        let must_stay = |bytes: &[u8], id: u32| match &spec.model.symbols {
            _ if added.contains(&id) => true,
            Symbols::Bytes => bytes.len() == 1,
            Symbols::Chars { byte_fallback, unknown, .. } => {
                *unknown == Some(id)
                    || byte_fallback.as_ref().is_some_and(|ids| ids.contains(&id))
                    || std::str::from_utf8(bytes).is_ok_and(|text| text.chars().nth(1).is_none())
            }
        };
        let mut entries: Vec<usize> = (0..tokens.len()).collect();
        entries.sort_by_key(|&entry| tokens.get(entry).map(|token| token.1));
        let extra = added.iter().filter(|id| self.entry_of_id(**id).is_none()).count();
        let keeps = |entry: &usize| tokens.get(*entry).is_some_and(|(bytes, id)| must_stay(bytes, id));
        let last = entries.iter().rposition(keeps).map_or(0, |place| place + 1);
        if !(last + extra..=self.vocab_size()).contains(&size) {
            let allowed = format!("{} (symbols and added tokens) to {}", last + extra, self.vocab_size());
            return Err(CompileError::component("vocabulary size", size.to_string(), allowed));
        }
        entries.truncate(size - extra);
        let mut kept = TokenTable::with_capacity(entries.len(), tokens.byte_len());
        for &entry in &entries {
            match tokens.get(entry) {
                Some((bytes, id)) if tokens.is_encodable(entry) => kept.push(bytes, id),
                Some((bytes, id)) => kept.push_not_encodable(bytes, id),
                None => {}
            }
        }
        if let MergeRule::Pairs(pairs) = &mut spec.model.merges {
            let bytes: HashMap<u32, &[u8]> = kept.iter().map(|(bytes, id)| (id, bytes)).collect();
            let products: HashSet<&[u8]> = bytes.values().copied().collect();
            let prefix = spec.symbol_options.continuing_subword_prefix.len();
            pairs.retain(|(left, right)| {
                let parts = bytes.get(left).zip(bytes.get(right));
                parts.is_some_and(|(l, r)| {
                    products.contains([l, r.get(prefix..).unwrap_or_default()].concat().as_slice())
                })
            });
        }
        spec.model.tokens = kept;
        compile(spec)
    }
}
