//! The stand-in for the tokenizer of the core until it lands: encoder, token bytes and special tokens.

use std::collections::HashMap;
use tokengrove::bpe::Bpe;
use tokengrove::encoder::{Encoder, Scratch};
use tokengrove::pretokenize::{Dialect, Pretokenizer};
use tokengrove::spec::{BpeSpec, MergeRule, Symbols, TokenTable};

/// A compiled tokenizer.
pub(crate) struct Engine {
    encoder: Encoder,
    bytes: HashMap<u32, Vec<u8>>,
    ids: HashMap<Vec<u8>, u32>,
    specials: Vec<(String, u32)>,
}

const NAMED: [(&str, &str); 4] = [
    ("gpt2", r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"),
    (
        "cl100k_base",
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    ),
    (
        "llama3",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
    (
        "o200k_base",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
];

impl Engine {
    pub(crate) fn new(
        ranks: Vec<(Vec<u8>, u32)>,
        pattern: Option<&str>,
        specials: Vec<(String, u32)>,
    ) -> Result<Self, String> {
        let mut tokens = TokenTable::with_capacity(ranks.len(), ranks.len() * 8);
        for (token, id) in &ranks {
            tokens.push(token, *id);
        }
        let spec = BpeSpec { tokens, merges: MergeRule::Ranks, symbols: Symbols::Bytes, ignore_merges: true };
        let pretokenizer = match pattern {
            None => Pretokenizer::whole(),
            Some(pattern) => {
                let regex = NAMED.iter().find(|(name, _)| *name == pattern).map_or(pattern, |(_, regex)| regex);
                Pretokenizer::from_pattern(regex, Dialect::Tiktoken).map_err(|e| e.to_string())?
            }
        };
        let bpe = Bpe::new(&spec).map_err(|e| e.to_string())?;
        let mut bytes: HashMap<u32, Vec<u8>> = ranks.iter().map(|(token, id)| (*id, token.clone())).collect();
        let mut ids: HashMap<Vec<u8>, u32> = ranks.into_iter().collect();
        for (text, id) in &specials {
            bytes.insert(*id, text.clone().into_bytes());
            ids.insert(text.clone().into_bytes(), *id);
        }
        Ok(Self { encoder: Encoder::new(bpe, pretokenizer), bytes, ids, specials })
    }

    pub(crate) fn encode(&self, text: &str, allowed: &[usize], scratch: &mut Scratch, out: &mut Vec<u32>) {
        let mut rest = text;
        loop {
            let found = allowed
                .iter()
                .filter_map(|&i| rest.find(self.specials[i].0.as_str()).map(|at| (at, i)))
                .min_by_key(|&(at, i)| (at, usize::MAX - self.specials[i].0.len()));
            let Some((at, index)) = found else { break };
            self.encoder.encode_ordinary(&rest[..at], scratch, out);
            out.push(self.specials[index].1);
            rest = &rest[at + self.specials[index].0.len()..];
        }
        self.encoder.encode_ordinary(rest, scratch, out);
    }

    pub(crate) fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.bytes.get(&id).map(Vec::as_slice)
    }

    pub(crate) fn token_to_id(&self, token: &[u8]) -> Option<u32> {
        self.ids.get(token).copied()
    }

    pub(crate) fn specials(&self) -> &[(String, u32)] {
        &self.specials
    }

    pub(crate) fn vocab_size(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn max_token_id(&self) -> u32 {
        self.bytes.keys().copied().max().unwrap_or(0)
    }
}
