//! Pre-tokenizers: cutting text into pieces.

use super::error::CompileError;
use super::normalize::{byte_alphabet, prepend};
use super::pattern::Matcher;
use super::punctuation::is_punctuation;
use super::rewrite::{Rewriter, Tracked};
use super::scripts;
use crate::pretokenize::{Dialect, PieceEnds, Pretokenizer, SplitError};
use crate::spec::{Pattern, PreTokenizer, PrependScheme, SplitBehavior};
use std::ops::Range;

/// GPT-2's pattern, which [`PreTokenizer::ByteLevel`] splits by.
pub(super) const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// What [`PreTokenizer::Whitespace`] keeps.
const WORDS: &str = r"\w+|[^\w\s]+";

/// One step of a chain.
#[derive(Debug)]
pub(super) enum Stage {
    /// Matches and the text between them are pieces.
    Isolate(Pretokenizer),
    /// A split at the matches of a pattern.
    Split { matcher: Matcher, behavior: SplitBehavior, invert: bool },
    /// A split at single characters.
    Characters { find: fn(char) -> bool, behavior: SplitBehavior },
    /// A split at one character, which is dropped.
    Delimiter(char),
    /// A split where the script changes; text before the first script is dropped.
    Scripts,
    /// Pieces of a number of characters.
    FixedLength(usize),
    /// Spaces become visible.
    Metaspace { replacement: char, scheme: PrependScheme, split: bool },
    /// Every piece begins with a space.
    PrefixSpace,
    /// Bytes are written in the byte alphabet.
    ByteAlphabet,
}

/// The steps of a chain.
pub(super) fn stages(pre_tokenizer: &PreTokenizer) -> Result<Vec<Stage>, CompileError> {
    let mut stages = Vec::new();
    compile(pre_tokenizer, &mut stages)?;
    Ok(stages)
}

fn compile(pre_tokenizer: &PreTokenizer, stages: &mut Vec<Stage>) -> Result<(), CompileError> {
    match pre_tokenizer {
        PreTokenizer::ByteLevel { add_prefix_space, use_regex, .. } => {
            if *add_prefix_space {
                stages.push(Stage::PrefixSpace);
            }
            if *use_regex {
                stages.push(Stage::Isolate(Pretokenizer::from_pattern(GPT2, Dialect::HuggingFace)?));
            }
            stages.push(Stage::ByteAlphabet);
        }
        PreTokenizer::Split { pattern: Pattern::Regex(pattern), behavior: SplitBehavior::Isolated, .. } => {
            stages.push(Stage::Isolate(Pretokenizer::from_pattern(pattern, Dialect::HuggingFace)?));
        }
        PreTokenizer::Split { pattern, behavior, invert } => {
            stages.push(Stage::Split { matcher: Matcher::new(pattern)?, behavior: *behavior, invert: *invert });
        }
        PreTokenizer::Digits { individual } => {
            let behavior = if *individual { SplitBehavior::Isolated } else { SplitBehavior::Contiguous };
            stages.push(Stage::Characters { find: char::is_numeric, behavior });
        }
        PreTokenizer::Punctuation(behavior) => {
            stages.push(Stage::Characters { find: is_punctuation, behavior: *behavior });
        }
        PreTokenizer::Metaspace { replacement, prepend_scheme, split } => {
            stages.push(Stage::Metaspace { replacement: *replacement, scheme: *prepend_scheme, split: *split });
        }
        PreTokenizer::Whitespace => stages.push(Stage::Split {
            matcher: Matcher::regex(WORDS, Dialect::Tiktoken)?,
            behavior: SplitBehavior::Removed,
            invert: true,
        }),
        PreTokenizer::WhitespaceSplit => {
            stages.push(Stage::Characters { find: char::is_whitespace, behavior: SplitBehavior::Removed });
        }
        PreTokenizer::UnicodeScripts => stages.push(Stage::Scripts),
        PreTokenizer::FixedLength(length) => stages.push(Stage::FixedLength(*length)),
        PreTokenizer::Bert => stages.extend([
            Stage::Characters { find: char::is_whitespace, behavior: SplitBehavior::Removed },
            Stage::Characters { find: is_punctuation, behavior: SplitBehavior::Isolated },
        ]),
        PreTokenizer::CharDelimiterSplit(delimiter) => stages.push(Stage::Delimiter(*delimiter)),
        PreTokenizer::Sequence(all) => return all.iter().try_for_each(|one| compile(one, stages)),
    }
    Ok(())
}

/// Whether spans are needed to know what a chain does: some stage asks where a piece comes from.
pub(super) fn asks_for_origin(stages: &[Stage]) -> bool {
    stages.iter().any(|stage| matches!(stage, Stage::Metaspace { scheme: PrependScheme::First, .. }))
}

/// Runs stages on a text: the pieces are ranges of the text as it is afterwards.
pub(super) fn run(stages: &[Stage], tracked: &mut Tracked<'_>) -> Result<Vec<Range<usize>>, SplitError> {
    let mut pieces: Vec<Range<usize>> =
        std::iter::once(0..tracked.text.len()).filter(|piece| !piece.is_empty()).collect();
    for stage in stages {
        pieces = stage.run(tracked, &pieces)?;
    }
    Ok(pieces)
}

impl Stage {
    fn run(&self, tracked: &mut Tracked<'_>, pieces: &[Range<usize>]) -> Result<Vec<Range<usize>>, SplitError> {
        match self {
            Self::Isolate(pretokenizer) => {
                split_pieces(&tracked.text, pieces, |text, out| isolate(pretokenizer, text, out))
            }
            Self::Split { matcher, behavior, invert } => split_pieces(&tracked.text, pieces, |text, out| {
                let mut events = Events::default();
                matcher.for_each(text, |found| events.found(found))?;
                events.finish(text.len(), *behavior, *invert, out);
                Ok(())
            }),
            Self::Characters { find, behavior } => split_pieces(&tracked.text, pieces, |text, out| {
                split_characters(find, text, *behavior, out);
                Ok(())
            }),
            Self::Delimiter(delimiter) => split_pieces(&tracked.text, pieces, |text, out| {
                split_characters(|c| c == *delimiter, text, SplitBehavior::Removed, out);
                Ok(())
            }),
            Self::Scripts => split_pieces(&tracked.text, pieces, |text, out| {
                scripts::split(text, out);
                Ok(())
            }),
            Self::FixedLength(length) => split_pieces(&tracked.text, pieces, |text, out| {
                fixed_length(text, *length, out);
                Ok(())
            }),
            Self::Metaspace { replacement, scheme, split } => {
                let starts: Vec<bool> = pieces.iter().map(|piece| tracked.is_at_start(piece.clone())).collect();
                let mut starts = starts.into_iter();
                let pieces = rewrite_pieces(tracked, pieces, |text, rewriter| {
                    let at_start = starts.next().unwrap_or(false);
                    metaspace(*replacement, *scheme, at_start, text, rewriter);
                });
                if !split {
                    return Ok(pieces);
                }
                split_pieces(&tracked.text, &pieces, |text, out| {
                    split_characters(|c| c == *replacement, text, SplitBehavior::MergedWithNext, out);
                    Ok(())
                })
            }
            Self::PrefixSpace => Ok(rewrite_pieces(tracked, pieces, |text, rewriter| {
                if text.starts_with(' ') {
                    rewriter.keep(text.len());
                } else {
                    prepend(" ", text, rewriter);
                    rewriter.keep(text.len() - text.chars().next().map_or(0, char::len_utf8));
                }
            })),
            Self::ByteAlphabet => Ok(rewrite_pieces(tracked, pieces, byte_alphabet)),
        }
    }
}

fn metaspace(replacement: char, scheme: PrependScheme, at_start: bool, text: &str, rewriter: &mut Rewriter<'_>) {
    let visible = |c| if c == ' ' { replacement } else { c };
    let wanted = match scheme {
        PrependScheme::Never => false,
        PrependScheme::Always => true,
        PrependScheme::First => at_start,
    };
    let mut chars = text.chars().map(visible);
    if let Some(first) = chars.next() {
        if wanted && first != replacement {
            rewriter.replace(replacement);
            rewriter.insert(first);
        } else {
            rewriter.replace(first);
        }
    }
    chars.for_each(|c| rewriter.replace(c));
}

/// Splits each piece on its own; empty pieces are dropped.
fn split_pieces(
    text: &str,
    pieces: &[Range<usize>],
    mut split: impl FnMut(&str, &mut Vec<Range<usize>>) -> Result<(), SplitError>,
) -> Result<Vec<Range<usize>>, SplitError> {
    let mut all = Vec::with_capacity(pieces.len());
    let mut parts = Vec::new();
    for piece in pieces {
        parts.clear();
        split(&text[piece.clone()], &mut parts)?;
        let inside = parts.iter().filter(|part| !part.is_empty());
        all.extend(inside.map(|part| piece.start + part.start..piece.start + part.end));
    }
    Ok(all)
}

/// Rewrites each piece on its own; the text afterwards is that of the pieces one after another.
fn rewrite_pieces(
    tracked: &mut Tracked<'_>,
    pieces: &[Range<usize>],
    mut rewriting: impl FnMut(&str, &mut Rewriter<'_>),
) -> Vec<Range<usize>> {
    let mut rewritten = Vec::with_capacity(pieces.len());
    tracked.rewrite(|text, rewriter| {
        for piece in pieces {
            rewriter.restart(piece.start);
            let start = rewriter.len();
            rewriting(&text[piece.clone()], rewriter);
            rewritten.push(start..rewriter.len());
        }
    });
    rewritten
}

fn isolate(pretokenizer: &Pretokenizer, text: &str, out: &mut Vec<Range<usize>>) -> Result<(), SplitError> {
    let mut buffer = PieceEnds::default();
    let mut at = 0;
    while at < text.len() {
        buffer.clear();
        let next = pretokenizer.try_pieces(text, at, &mut buffer)?;
        out.extend(buffer.ranges(at));
        at = next;
    }
    Ok(())
}

/// Cuts a text into parts of a number of characters.
fn fixed_length(text: &str, length: usize, out: &mut Vec<Range<usize>>) {
    let mut starts = text.char_indices().map(|(at, _)| at).step_by(length.max(1)).peekable();
    while let Some(start) = starts.next() {
        out.push(start..starts.peek().copied().unwrap_or(text.len()));
    }
}

fn split_characters(find: impl Fn(char) -> bool, text: &str, behavior: SplitBehavior, out: &mut Vec<Range<usize>>) {
    let mut events = Events::default();
    for (at, c) in text.char_indices().filter(|&(_, c)| find(c)) {
        events.found(at..at + c.len_utf8());
    }
    events.finish(text.len(), behavior, false, out);
}

/// Matches and the text between them, in order and covering the text.
#[derive(Debug, Default)]
pub(super) struct Events {
    list: Vec<(Range<usize>, bool)>,
    end: usize,
}

impl Events {
    pub(super) fn found(&mut self, range: Range<usize>) {
        if self.end != range.start {
            self.list.push((self.end..range.start, false));
        }
        self.end = range.end;
        self.list.push((range, true));
    }

    /// Turns the events into pieces.
    pub(super) fn finish(mut self, len: usize, behavior: SplitBehavior, invert: bool, out: &mut Vec<Range<usize>>) {
        if self.end != len {
            self.list.push((self.end..len, false));
        }
        let events = self.list.into_iter().map(|(range, matched)| (range, matched != invert));
        match behavior {
            SplitBehavior::Isolated => out.extend(events.map(|event| event.0)),
            SplitBehavior::Removed => out.extend(events.filter(|event| !event.1).map(|event| event.0)),
            SplitBehavior::Contiguous => merge(events, |before, now| before == now, out),
            SplitBehavior::MergedWithPrevious => merge(events, |before, now| now && !before, out),
            SplitBehavior::MergedWithNext => {
                let from = out.len();
                let mirrored = events.rev().map(|(range, matched)| (len - range.end..len - range.start, matched));
                merge(mirrored, |before, now| now && !before, out);
                out[from..].reverse();
                out[from..].iter_mut().for_each(|range| *range = len - range.end..len - range.start);
            }
        }
    }
}

/// Joins an event to the piece before it where `joins` says so of the two matched flags; before the first event stands
/// one that did not match.
fn merge(
    events: impl Iterator<Item = (Range<usize>, bool)>,
    joins: impl Fn(bool, bool) -> bool,
    out: &mut Vec<Range<usize>>,
) {
    let from = out.len();
    let mut before = false;
    for (range, matched) in events {
        let joined = joins(before, matched);
        match out[from..].last_mut() {
            Some(last) if joined => last.end = range.end,
            _ => out.push(range),
        }
        before = matched;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(pre_tokenizer: &PreTokenizer, text: &str) -> Vec<(String, (usize, usize))> {
        let stages = stages(pre_tokenizer).unwrap();
        let mut tracked = Tracked::new(text, 0);
        let pieces = run(&stages, &mut tracked).unwrap();
        pieces.into_iter().map(|piece| (tracked.text[piece.clone()].to_owned(), tracked.span(piece))).collect()
    }

    fn texts(pre_tokenizer: &PreTokenizer, text: &str) -> Vec<String> {
        pieces(pre_tokenizer, text).into_iter().map(|piece| piece.0).collect()
    }

    fn split(behavior: SplitBehavior, invert: bool) -> PreTokenizer {
        PreTokenizer::Split { pattern: Pattern::Literal("-".into()), behavior, invert }
    }

    #[test]
    fn behaviors_as_tokenizers_documents_them() {
        let text = "the-final--countdown";
        let run = |behavior| texts(&split(behavior, false), text);
        assert_eq!(run(SplitBehavior::Removed), ["the", "final", "countdown"]);
        assert_eq!(run(SplitBehavior::Isolated), ["the", "-", "final", "-", "-", "countdown"]);
        assert_eq!(run(SplitBehavior::MergedWithPrevious), ["the-", "final-", "-", "countdown"]);
        assert_eq!(run(SplitBehavior::MergedWithNext), ["the", "-final", "-", "-countdown"]);
        assert_eq!(run(SplitBehavior::Contiguous), ["the", "-", "final", "--", "countdown"]);
        assert_eq!(texts(&split(SplitBehavior::Removed, true), text), ["-", "-", "-"]);
    }

    #[test]
    fn byte_level_pieces_know_where_they_come_from() {
        let byte_level = PreTokenizer::ByteLevel { add_prefix_space: true, trim_offsets: true, use_regex: true };
        let expected = [("ĠhÃ©".to_owned(), (0, 3)), ("Ġyou".to_owned(), (3, 7))];
        assert_eq!(pieces(&byte_level, "hé you"), expected);
    }

    #[test]
    fn metaspace_marks_spaces_and_the_start() {
        let metaspace = |prepend_scheme, split| PreTokenizer::Metaspace { replacement: '▁', prepend_scheme, split };
        assert_eq!(texts(&metaspace(PrependScheme::Always, true), "a  b"), ["▁a", "▁", "▁b"]);
        assert_eq!(texts(&metaspace(PrependScheme::First, false), "a b"), ["▁a▁b"]);
        assert_eq!(texts(&metaspace(PrependScheme::Never, false), " a b"), ["▁a▁b"]);
        // As tokenizers does: each part of the first character is at the start.
        let byte_level = PreTokenizer::ByteLevel { add_prefix_space: false, trim_offsets: false, use_regex: false };
        let parts = PreTokenizer::Sequence(vec![
            byte_level,
            PreTokenizer::FixedLength(1),
            metaspace(PrependScheme::First, false),
        ]);
        assert_eq!(texts(&parts, "éé"), ["▁Ã", "▁©", "Ã", "©"]);
    }

    #[test]
    fn classes_of_characters() {
        assert_eq!(texts(&PreTokenizer::Digits { individual: true }, "a12²"), ["a", "1", "2", "²"]);
        assert_eq!(texts(&PreTokenizer::Digits { individual: false }, "a12²"), ["a", "12²"]);
        assert_eq!(texts(&PreTokenizer::Punctuation(SplitBehavior::Contiguous), "a.,b"), ["a", ".,", "b"]);
        assert_eq!(texts(&PreTokenizer::Whitespace, "Hey friend!   How"), ["Hey", "friend", "!", "How"]);
        assert_eq!(texts(&PreTokenizer::WhitespaceSplit, " Hey friend! "), ["Hey", "friend!"]);
        assert_eq!(texts(&PreTokenizer::CharDelimiterSplit('x'), "axbxx"), ["a", "b"]);
    }
}
