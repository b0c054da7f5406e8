//! A hash of what a tokenizer is.

use super::tokenizer::Tokenizer;
use crate::pretokenize::Pretokenizer;
use crate::spec::{AddedToken, AddedTokenPolicy, Alphabet, MergeRule, Normalizer, Segmentation, Symbols};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

impl Tokenizer {
    /// A hash of everything that decides what this tokenizer does: the same in every process and on every machine, and for
    /// every file that says the same. 64 hexadecimal digits of SHA-256.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut digest = Fields(Sha256::new());
        digest.text("tokengrove 1");
        self.digest_model(&mut digest);
        let spec = &self.spec;
        digest.text(match spec.alphabet {
            Alphabet::Raw => "raw",
            Alphabet::ByteLevel => "bytes",
            Alphabet::Text => "text",
        });
        match &spec.normalizer {
            None => digest.text("as it is"),
            Some(normalizer) => digest_normalizer(normalizer, &mut digest),
        }
        match &spec.segmentation {
            Segmentation::Whole => digest.text("whole"),
            Segmentation::Tiktoken(pattern) => {
                digest.text("tiktoken");
                match Pretokenizer::named(pattern) {
                    Ok(named) => named.patterns().iter().for_each(|pattern| digest.text(pattern)),
                    Err(_) => digest.text(pattern),
                }
            }
            Segmentation::Chain(chain) => digest.text(&chain.to_json().to_string()),
        }
        let mut added: Vec<&AddedToken> = spec.added_tokens.iter().collect();
        added.sort_by_key(|token| token.id);
        for token in added {
            digest.text(&token.to_json().to_string());
        }
        digest.text(match spec.added_token_policy {
            AddedTokenPolicy::AllowedOnly => "allowed only",
            AddedTokenPolicy::SkipDisallowed => "skip disallowed",
        });
        digest.text(&spec.post_processor.as_ref().map_or_else(String::new, |one| one.to_json().to_string()));
        digest.text(&spec.decoder.as_ref().map_or_else(String::new, |one| one.to_json().to_string()));
        digest.hex()
    }

    fn digest_model(&self, digest: &mut Fields) {
        let model = &self.spec.model;
        let mut entries: Vec<usize> = (0..model.tokens.len()).collect();
        entries.sort_by_key(|&entry| model.tokens.get(entry).map(|token| (token.1, token.0)));
        digest.number(entries.len());
        for entry in entries {
            if let Some((bytes, id)) = model.tokens.get(entry) {
                digest.bytes(bytes);
                digest.id(id);
                digest.number(usize::from(model.tokens.is_encodable(entry)));
            }
        }
        match &model.merges {
            MergeRule::Ranks => digest.text("ranks"),
            MergeRule::Pairs(pairs) => {
                digest.number(pairs.len());
                for (left, right) in pairs {
                    digest.id(*left);
                    digest.id(*right);
                }
            }
        }
        digest.number(usize::from(model.ignore_merges));
        if let Symbols::Chars { byte_fallback, unknown, fuse_unknown } = &model.symbols {
            for &id in byte_fallback.iter().flat_map(|ids| ids.iter()) {
                digest.id(id);
            }
            digest.text(&format!("characters {unknown:?} {fuse_unknown}"));
        }
        let options = &self.spec.symbol_options;
        digest.text(&options.continuing_subword_prefix);
        digest.text(&options.end_of_word_suffix);
        digest.number(usize::from(options.partial_byte_fallback));
        if let Some(dropout) = options.dropout {
            digest.text(&format!("dropout {}", dropout.probability()));
        }
    }
}

fn digest_normalizer(normalizer: &Normalizer, digest: &mut Fields) {
    match normalizer {
        Normalizer::Precompiled { map, keep } => {
            digest.bytes(map);
            for symbol in keep {
                digest.text(symbol);
            }
        }
        Normalizer::CollapseSpaces => digest.text("collapse spaces"),
        Normalizer::Sequence(all) => {
            digest.number(all.len());
            for one in all {
                digest_normalizer(one, digest);
            }
        }
        other => digest.text(&other.to_json().map_or_else(|_| String::new(), |json| json.to_string())),
    }
}

/// A hash of fields, each after its length.
struct Fields(Sha256);

impl Fields {
    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn number(&mut self, number: usize) {
        self.0.update((number as u64).to_le_bytes());
    }

    fn id(&mut self, id: u32) {
        self.0.update(id.to_le_bytes());
    }

    fn hex(self) -> String {
        self.0.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}
