//! Building a tokenizer from its specification.

use super::added::AddedTokens;
use super::error::CompileError;
use super::tokenizer::{Parts, Tokenizer};
use crate::bpe::Bpe;
use crate::decoder::{Decoder, JoinRules, TokenBytes};
use crate::encoder::Encoder;
use crate::pretokenize::{Dialect, Pretokenizer};
use crate::spec::{AddedToken, Segmentation, TokenizerSpec};

/// Builds the tokenizer that a specification describes.
///
/// ```
/// use tokengrove::{pipeline, spec::{TokenTable, TokenizerSpec}};
/// let mut table = TokenTable::default();
/// for byte in 0..=255_u8 {
///     table.push(&[byte], u32::from(byte));
/// }
/// table.push(b"ab", 256);
/// let tokenizer = pipeline::compile(TokenizerSpec::from_ranks(table, None, vec![]))?;
/// let ids = tokenizer.encode("abc", pipeline::EncodeOptions::default())?;
/// assert_eq!(ids, [256, 99]);
/// assert_eq!(tokenizer.decode_bytes(&ids, false)?, b"abc");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If ids repeat, a pattern is not a regular expression, the model's tokens and merges contradict each other, or a
/// component is not supported.
pub fn compile(spec: TokenizerSpec) -> Result<Tokenizer, CompileError> {
    check_special_ids(&spec)?;
    let pretokenizer = match &spec.segmentation {
        Segmentation::Whole => Pretokenizer::whole(),
        Segmentation::Tiktoken(name) if Pretokenizer::names().any(|known| known == name) => Pretokenizer::named(name)?,
        Segmentation::Tiktoken(pattern) => Pretokenizer::from_pattern(pattern, Dialect::Tiktoken)?,
        Segmentation::Chain(_) => {
            return Err(CompileError::component("pre_tokenizer", "a component chain", "a pattern (for now)"));
        }
    };
    let bpe = Bpe::new(&spec.model)?;
    let added = AddedTokens::new(spec.added_tokens.clone(), spec.added_token_policy, str::to_owned)?;
    let decoder = byte_decoder(&spec)?;
    Ok(Tokenizer::from_parts(Parts { encoder: Encoder::new(bpe, pretokenizer), added, decoder, spec }))
}

/// An added token may name a token of the vocabulary, but then with that token's text.
fn check_special_ids(spec: &TokenizerSpec) -> Result<(), CompileError> {
    let mut by_id: Vec<&AddedToken> = spec.added_tokens.iter().collect();
    by_id.sort_by_key(|token| token.id);
    match by_id.windows(2).find(|pair| pair[0].id == pair[1].id) {
        None => Ok(()),
        Some(pair) => Err(CompileError::duplicate_id(
            format!("{:?}", pair[0].content),
            format!("{:?}", pair[1].content),
            pair[0].id,
        )),
    }
}

fn byte_decoder(spec: &TokenizerSpec) -> Result<Decoder, CompileError> {
    let vocabulary = spec.model.tokens.iter().map(|(bytes, id)| (id, bytes));
    let added = spec.added_tokens.iter().map(|token| (token.id, token.content.as_bytes()));
    let tokens = TokenBytes::new(vocabulary.chain(added))
        .ok_or_else(|| CompileError::too_large("bytes of all tokens", usize::MAX, u32::MAX as usize))?;
    Ok(Decoder::new(tokens, JoinRules::default()))
}
