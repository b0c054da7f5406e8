//! Normalizers: what happens to text before it is split.

use super::charsmap::CharsMap;
use super::clean;
use super::error::CompileError;
use super::forms::Form;
use super::pattern::Matcher;
use super::rewrite::{Rewriter, Tracked};
use crate::pretokenize::SplitError;
use crate::spec::{self, byte_to_char};
use std::borrow::Cow;

/// Compiled normalizers, in order.
#[derive(Debug, Default)]
pub(super) struct Normalization {
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Form(Form),
    /// One of the functions of `clean` that rewrite character by character.
    Clean(fn(&str, &mut Rewriter<'_>)),
    Lowercase,
    Strip {
        left: bool,
        right: bool,
    },
    Replace {
        matcher: Matcher,
        content: String,
    },
    Prepend(String),
    Precompiled(CharsMap),
    PrecompiledForGraphemes(CharsMap),
    CollapseSpaces,
    ByteAlphabet,
}

impl Normalization {
    pub(super) fn new(normalizer: Option<&spec::Normalizer>) -> Result<Self, CompileError> {
        let mut steps = Vec::new();
        if let Some(normalizer) = normalizer {
            compile(normalizer, &mut steps)?;
        }
        Ok(Self { steps })
    }

    /// Whether every text stays as it is.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether it is plain that neither the text nor any part of it changes.
    pub(super) fn keeps_parts(&self, text: &str) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Form(_)) && !step.may_change(text))
    }

    /// Whether it is plain that a prefix of the text becomes a prefix of the normalized text.
    pub(super) fn keeps_prefixes(&self, text: &str) -> bool {
        let mut forms_first =
            self.steps.iter().skip_while(|step| matches!(step, Step::Form(_)) && !step.may_change(text));
        forms_first.all(|step| match step {
            Step::Prepend(_) | Step::Lowercase | Step::ByteAlphabet => true,
            Step::Replace { matcher: Matcher::Literal(finder), .. } => {
                std::str::from_utf8(finder.needle()).is_ok_and(|needle| needle.chars().count() == 1)
            }
            _ => false,
        })
    }

    /// The normalized text, where nobody asks for offsets.
    pub(super) fn plain<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, SplitError> {
        let mut text = Cow::Borrowed(text);
        for step in &self.steps {
            if step.may_change(&text) {
                let mut rewriter = Rewriter::untracked(&text);
                step.rewrite(&text, &mut rewriter)?;
                text = Cow::Owned(rewriter.finish());
            }
        }
        Ok(text)
    }

    /// Normalizes text that knows where it came from.
    pub(super) fn tracked(&self, tracked: &mut Tracked<'_>) -> Result<(), SplitError> {
        for step in &self.steps {
            if step.may_change(&tracked.text) {
                tracked.rewrite(|text, rewriter| step.rewrite(text, rewriter))?;
            }
        }
        Ok(())
    }
}

fn compile(normalizer: &spec::Normalizer, steps: &mut Vec<Step>) -> Result<(), CompileError> {
    steps.push(match normalizer {
        spec::Normalizer::Nfc => Step::Form(Form::Nfc),
        spec::Normalizer::Nfd => Step::Form(Form::Nfd),
        spec::Normalizer::Nfkc => Step::Form(Form::Nfkc),
        spec::Normalizer::Nfkd => Step::Form(Form::Nfkd),
        spec::Normalizer::Lowercase => Step::Lowercase,
        spec::Normalizer::Strip { left, right } => Step::Strip { left: *left, right: *right },
        spec::Normalizer::Replace { pattern, content } => {
            Step::Replace { matcher: Matcher::new(pattern)?, content: content.clone() }
        }
        spec::Normalizer::Prepend(text) => Step::Prepend(text.clone()),
        spec::Normalizer::Precompiled { map, keep } => Step::Precompiled(CharsMap::new(map, keep)?),
        spec::Normalizer::CollapseSpaces => Step::CollapseSpaces,
        spec::Normalizer::ByteLevel => Step::ByteAlphabet,
        spec::Normalizer::StripAccents => Step::Clean(clean::strip_accents),
        spec::Normalizer::Nmt => {
            steps.extend([Step::Clean(clean::nmt_filter), Step::Clean(clean::nmt_spaces)]);
            return Ok(());
        }
        spec::Normalizer::Bert { clean_text, handle_chinese_chars, strip_accents, lowercase } => {
            if *clean_text {
                steps.extend([Step::Clean(clean::bert_filter), Step::Clean(clean::bert_spaces)]);
            }
            if *handle_chinese_chars {
                steps.push(Step::Clean(clean::bert_chinese));
            }
            if strip_accents.unwrap_or(*lowercase) {
                steps.extend([Step::Form(Form::Nfd), Step::Clean(clean::bert_accents)]);
            }
            if *lowercase {
                steps.push(Step::Lowercase);
            }
            return Ok(());
        }
        spec::Normalizer::PrecompiledForGraphemes(map) => Step::PrecompiledForGraphemes(CharsMap::new(map, &[])?),
        spec::Normalizer::Sequence(all) => return all.iter().try_for_each(|one| compile(one, steps)),
    });
    Ok(())
}

impl Step {
    /// False only if the text surely stays as it is.
    fn may_change(&self, text: &str) -> bool {
        match self {
            Self::Form(form) => !form.is_normalized(text),
            Self::Replace { matcher, .. } => !matcher.surely_absent(text),
            Self::Lowercase => text.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()),
            Self::Precompiled(map) | Self::PrecompiledForGraphemes(map) => !map.is_identity(),
            _ => !text.is_empty(),
        }
    }

    fn rewrite(&self, text: &str, rewriter: &mut Rewriter<'_>) -> Result<(), SplitError> {
        match self {
            Self::Form(form) => form.rewrite(text, rewriter),
            Self::Lowercase => lowercase(text, rewriter),
            Self::Strip { left, right } => strip(text, *left, *right, rewriter),
            Self::Replace { matcher, content } => replace(text, matcher, content, rewriter)?,
            Self::Prepend(prefix) => {
                prepend(prefix, text, rewriter);
                rewriter.keep(text.len() - text.chars().next().map_or(0, char::len_utf8));
            }
            Self::Clean(rewrite) => rewrite(text, rewriter),
            Self::Precompiled(map) => map.rewrite(text, rewriter),
            Self::PrecompiledForGraphemes(map) => map.rewrite_graphemes(text, rewriter),
            Self::CollapseSpaces => collapse_spaces(text, rewriter),
            Self::ByteAlphabet => byte_alphabet(text, rewriter),
        }
        Ok(())
    }
}

/// Removes white space at the ends.
pub(super) fn strip(text: &str, left: bool, right: bool, rewriter: &mut Rewriter<'_>) {
    let start = if left { text.len() - text.trim_start().len() } else { 0 };
    let end = if right { text.trim_end().len().max(start) } else { text.len() };
    rewriter.remove(start);
    rewriter.keep(end - start);
}

/// Replaces every match.
pub(super) fn replace(
    text: &str,
    matcher: &Matcher,
    content: &str,
    rewriter: &mut Rewriter<'_>,
) -> Result<(), SplitError> {
    let mut at = 0;
    matcher.for_each(text, |found| {
        rewriter.keep(found.start - at);
        rewriter.remove(found.len());
        content.chars().for_each(|c| rewriter.insert(c));
        at = found.end;
    })?;
    rewriter.keep(text.len() - at);
    Ok(())
}

/// Puts a prefix before the text, and tells the rewriter about the text's first character too: all have its span.
pub(super) fn prepend(prefix: &str, text: &str, rewriter: &mut Rewriter<'_>) {
    let Some(first) = text.chars().next() else { return };
    let mut all = prefix.chars().chain(std::iter::once(first));
    if let Some(c) = all.next() {
        rewriter.replace(c);
    }
    all.for_each(|c| rewriter.insert(c));
}

/// Writes bytes in the byte alphabet.
pub(super) fn byte_alphabet(text: &str, rewriter: &mut Rewriter<'_>) {
    let mut buffer = [0; 4];
    for c in text.chars() {
        for (index, &byte) in c.encode_utf8(&mut buffer).as_bytes().iter().enumerate() {
            rewriter.insert_for_byte(byte_to_char(byte), index);
        }
        rewriter.remove_chars(1);
    }
}

/// Writes every character in lower case.
pub(super) fn lowercase(text: &str, rewriter: &mut Rewriter<'_>) {
    spell(text, char::to_lowercase, rewriter);
}

/// Writes every character in another way, of one character or more.
pub(super) fn spell<I: Iterator<Item = char>>(text: &str, spelling: impl Fn(char) -> I, rewriter: &mut Rewriter<'_>) {
    for c in text.chars() {
        let mut spelling = spelling(c);
        if let Some(first) = spelling.next() {
            rewriter.replace(first);
        }
        spelling.for_each(|more| rewriter.insert(more));
    }
}

fn collapse_spaces(text: &str, rewriter: &mut Rewriter<'_>) {
    // SentencePiece looks for spaces at the end once they are written as marks, and takes marks of the text for them.
    let mut rest = text.trim_end_matches([' ', '▁']);
    let indented = rest.len();
    rest = rest.trim_start_matches(' ');
    rewriter.remove(indented - rest.len());
    while let Some(space) = rest.find(' ') {
        rewriter.keep(space + 1);
        let tail = &rest[space + 1..];
        rest = tail.trim_start_matches(' ');
        rewriter.remove(tail.len() - rest.len());
    }
    rewriter.keep(rest.len());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Normalizer, Pattern};

    /// The normalized text and, for each of its characters, the original one's bytes.
    fn run(normalizer: &Normalizer, text: &str) -> (String, Vec<(usize, usize)>) {
        let compiled = Normalization::new(Some(normalizer)).unwrap();
        let mut tracked = Tracked::new(text, 0);
        compiled.tracked(&mut tracked).unwrap();
        assert_eq!(compiled.plain(text).unwrap(), tracked.text);
        let spans = tracked.text.char_indices().map(|(at, c)| tracked.span(at..at + c.len_utf8())).collect();
        (tracked.text.into_owned(), spans)
    }

    fn replace(from: &str, to: &str) -> Normalizer {
        Normalizer::Replace { pattern: Pattern::Literal(from.into()), content: to.into() }
    }

    #[test]
    fn llama_2_marks_spaces() {
        let chain = Normalizer::Sequence(vec![Normalizer::Prepend("▁".into()), replace(" ", "▁")]);
        let spans = vec![(0, 1), (0, 1), (1, 2), (2, 3)];
        assert_eq!(run(&chain, "a b"), ("▁a▁b".into(), spans));
        assert_eq!(run(&chain, ""), (String::new(), vec![]));
    }

    #[test]
    fn each_normalizer_does_its_part() {
        assert_eq!(run(&Normalizer::Lowercase, "aİ").0, "ai\u{307}");
        assert_eq!(
            run(&Normalizer::Strip { left: true, right: true }, " \u{3000}a b\n"),
            ("a b".into(), vec![(4, 5), (5, 6), (6, 7)])
        );
        assert_eq!(run(&Normalizer::Strip { left: true, right: true }, "  ").0, "");
        assert_eq!(run(&Normalizer::CollapseSpaces, "  a   b  "), ("a b".into(), vec![(2, 3), (3, 4), (6, 7)]));
        assert_eq!(run(&Normalizer::CollapseSpaces, "   ").0, "");
        assert_eq!(run(&Normalizer::ByteLevel, "é "), ("Ã©Ġ".into(), vec![(0, 1), (1, 2), (2, 3)]));
        assert_eq!(run(&Normalizer::Nfc, "e\u{301}x").0, "éx");
        assert_eq!(run(&replace("aa", "b"), "aaaxa").0, "baxa");
    }
}
