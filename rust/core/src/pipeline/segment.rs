//! Choosing how text is cut into pieces: on the encoder's fast path if its pretokenizer can do what the chain asks for.

use super::error::CompileError;
use super::split::{self, GPT2, Stage};
use crate::pretokenize::{Dialect, Gaps, Pretokenizer, Split};
use crate::spec::{Alphabet, Pattern, PreTokenizer, Segmentation, SplitBehavior, TokenizerSpec};

/// How text becomes the pieces that the model works on.
#[derive(Debug)]
pub(super) enum Segmenter {
    /// The encoder does it.
    Fast,
    /// A pattern on the regex engine; text it does not match is lost.
    Pattern(Pretokenizer),
    /// A chain of components.
    Stages { stages: Vec<Stage>, form: PieceForm },
}

/// What the bytes of a piece are to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PieceForm {
    /// What the model reads.
    Plain,
    /// Characters of the byte alphabet, and the model reads the bytes they stand for.
    ByteAlphabet,
}

/// The segmenter of a specification, and the pretokenizer of its encoder.
pub(super) fn segmenter(spec: &TokenizerSpec) -> Result<(Segmenter, Pretokenizer), CompileError> {
    let whole = Pretokenizer::whole;
    match &spec.segmentation {
        Segmentation::Whole if spec.alphabet != Alphabet::ByteLevel => Ok((Segmenter::Fast, whole())),
        Segmentation::Whole => Ok((Segmenter::Stages { stages: Vec::new(), form: PieceForm::ByteAlphabet }, whole())),
        Segmentation::Tiktoken(pattern) => {
            let pretokenizer = match Pretokenizer::names().find(|name| name == pattern) {
                Some(name) => Pretokenizer::named(name)?,
                None => Pretokenizer::from_pattern_with(pattern, Dialect::Tiktoken, Gaps::Drop)?,
            };
            if pretokenizer.machine().is_some() {
                Ok((Segmenter::Fast, pretokenizer))
            } else {
                Ok((Segmenter::Pattern(pretokenizer), whole()))
            }
        }
        Segmentation::Chain(chain) => {
            if spec.alphabet == Alphabet::ByteLevel
                && let Some(pretokenizer) = fast(chain)?
            {
                return Ok((Segmenter::Fast, pretokenizer));
            }
            let mut stages = split::stages(chain)?;
            let form = match (spec.alphabet, stages.last()) {
                (Alphabet::ByteLevel, Some(Stage::ByteAlphabet)) => {
                    stages.pop();
                    PieceForm::Plain
                }
                (Alphabet::ByteLevel, _) => PieceForm::ByteAlphabet,
                _ => PieceForm::Plain,
            };
            Ok((Segmenter::Stages { stages, form }, whole()))
        }
    }
}

/// The pretokenizer that does what a byte-level chain does, if there is a compiled one.
fn fast(chain: &PreTokenizer) -> Result<Option<Pretokenizer>, CompileError> {
    let mut splits = Vec::new();
    let mut finished = false;
    if collect(chain, &mut splits, &mut finished).is_none() || !finished {
        return Ok(None);
    }
    if splits.is_empty() {
        return Ok(Some(Pretokenizer::whole()));
    }
    Ok(Pretokenizer::from_splits(&splits)?.filter(|pretokenizer| pretokenizer.machine().is_some()))
}

/// The splits of a chain that ends with the byte alphabet and does nothing else.
fn collect<'a>(chain: &'a PreTokenizer, splits: &mut Vec<Split<'a>>, finished: &mut bool) -> Option<()> {
    if *finished {
        return None;
    }
    match chain {
        PreTokenizer::ByteLevel { add_prefix_space: false, use_regex, .. } => {
            splits.extend(use_regex.then_some(Split::Pattern(GPT2)));
            *finished = true;
            Some(())
        }
        PreTokenizer::Split { pattern: Pattern::Regex(pattern), behavior: SplitBehavior::Isolated, .. } => {
            splits.push(Split::Pattern(pattern));
            Some(())
        }
        PreTokenizer::Digits { individual: true } => {
            splits.push(Split::Digits);
            Some(())
        }
        PreTokenizer::Sequence(all) => all.iter().try_for_each(|one| collect(one, splits, finished)),
        _ => None,
    }
}
