//! Building a tokenizer from its specification.

use super::added::AddedTokens;
use super::decode::Decoding;
use super::error::CompileError;
use super::model::Model;
use super::normalize::Normalization;
use super::segment::{PieceForm, Segmenter, segmenter};
use super::spaced::Spaced;
use super::split;
use super::template;
use super::tokenizer::Tokenizer;
use crate::spec::{AddedToken, Alphabet, Normalizer, PreTokenizer, Segmentation, TokenizerSpec};
use std::collections::HashSet;
use std::sync::OnceLock;

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
    build(spec, None)
}

/// Builds a tokenizer as [`compile`] does, and takes over from another what both have in common: the model, which takes the
/// longest to build.
///
/// # Errors
/// As [`compile`].
pub fn compile_like(spec: TokenizerSpec, other: &Tokenizer) -> Result<Tokenizer, CompileError> {
    build(spec, Some(other))
}

fn build(spec: TokenizerSpec, other: Option<&Tokenizer>) -> Result<Tokenizer, CompileError> {
    check_ids(&spec.added_tokens)?;
    let normalization = Normalization::new(spec.normalizer.as_ref())?;
    let (segmenter, pretokenizer) = segmenter(&spec)?;
    let same = |other: &&Tokenizer| other.spec.symbol_options == spec.symbol_options && other.spec.model == spec.model;
    let mut model = match other.filter(same) {
        Some(other) => other.model.behind(pretokenizer),
        None => Model::new(&spec, pretokenizer)?,
    };
    let spaced = Spaced::new(&spec, &model);
    if spaced.is_some() {
        model.spell_spaces_as_marks();
    }
    let normalize = |text: &str| normalization.plain(text).map_or_else(|_| text.to_owned(), Into::into);
    let added = AddedTokens::new(spec.added_tokens.clone(), spec.added_token_policy, normalize)?;
    let strays = strays(&spec);
    let decoding = Decoding::new(&spec, &added, &strays)?;
    Ok(Tokenizer {
        asks_for_origin: matches!(&segmenter, Segmenter::Stages { stages, .. } if split::asks_for_origin(stages)),
        reads_byte_alphabet: reads_byte_alphabet(&spec, &segmenter),
        normalization,
        segmenter,
        model,
        spaced,
        added,
        template: template::items(spec.post_processor.as_ref())?,
        decoding,
        strays: strays.into_iter().map(|(id, _)| id).collect(),
        spec,
        by_bytes: OnceLock::new(),
        by_id: OnceLock::new(),
    })
}

/// Refuses two added tokens with one id.
fn check_ids(tokens: &[AddedToken]) -> Result<(), CompileError> {
    let mut by_id: Vec<&AddedToken> = tokens.iter().collect();
    by_id.sort_by_key(|token| token.id);
    match by_id.windows(2).find(|pair| pair[0].id == pair[1].id) {
        None => Ok(()),
        Some(pair) => {
            let quoted = |token: &AddedToken| format!("{:?}", token.content);
            Err(CompileError::duplicate_id(quoted(pair[0]), quoted(pair[1]), pair[0].id))
        }
    }
}

/// The ids that the post-processor adds and that no token has, in order: files come with a template that names other ids
/// than their added tokens get. They are decoded to their names, and skipped as special tokens.
fn strays(spec: &TokenizerSpec) -> Vec<(u32, String)> {
    let mut strays: Vec<(u32, String)> = spec
        .post_processor
        .iter()
        .flat_map(template::named_ids)
        .filter(|(id, _)| spec.added_tokens.iter().all(|token| token.id != *id))
        .map(|(id, name)| (id, name.to_owned()))
        .collect();
    if !strays.is_empty() {
        let known: HashSet<u32> = spec.model.tokens.iter().map(|(_, id)| id).collect();
        strays.retain(|(id, _)| !known.contains(id));
        strays.sort();
        strays.dedup_by_key(|stray| stray.0);
    }
    strays
}

/// Whether text reaches a model of characters in the byte alphabet.
fn reads_byte_alphabet(spec: &TokenizerSpec, segmenter: &Segmenter) -> bool {
    fn ends(chain: &PreTokenizer) -> Option<bool> {
        match chain {
            PreTokenizer::ByteLevel { .. } => Some(true),
            PreTokenizer::Metaspace { .. } => Some(false),
            PreTokenizer::Sequence(all) => all.iter().rev().find_map(ends),
            _ => None,
        }
    }
    let normalized = || matches!(spec.normalizer, Some(Normalizer::ByteLevel));
    match (spec.alphabet, segmenter, &spec.segmentation) {
        (Alphabet::Raw, ..) | (_, Segmenter::Stages { form: PieceForm::ByteAlphabet, .. }, _) => false,
        (_, _, Segmentation::Chain(chain)) => ends(chain).unwrap_or_else(normalized),
        _ => normalized(),
    }
}
