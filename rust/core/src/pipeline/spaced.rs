//! Texts that reach the model with SentencePiece's mark for every space and, but for one mark before the first word, otherwise
//! as they are.
//!
//! Llama 2, Mistral, Yi and Gemma do that, by normalizers or by a pre-tokenizer. Writing the marks, and where each byte came
//! from, takes longer than encoding; so the text is cut at its spaces as it is, the cache knows words by their spaces, and
//! offsets are counted in the text itself. Texts that have marks of their own, and vocabularies that do not fall back to bytes,
//! go the general way.

use super::locate::Found;
use super::model::{Missing, Model};
use super::rewrite::Span;
use super::work::Work;
use crate::bpe::Bpe;
use crate::encoder::MARK;
use crate::id::TokenId;
use crate::spec::{Alphabet, Normalizer, Pattern, PreTokenizer, PrependScheme, Segmentation, Symbols, TokenizerSpec};
use memchr::memmem::Finder;
use std::sync::OnceLock;

/// When a mark is put before the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Never,
    Always,
    /// Unless the text begins with one.
    Missing,
    /// Unless the text begins with one, and at the beginning of the input only.
    MissingAtStart,
}

/// What such a chain does to a text.
#[derive(Debug)]
pub(super) struct Spaced {
    before: Before,
    /// Whether all bytes of a character have its whole span, not each its own.
    whole_chars: bool,
    mark: Finder<'static>,
    /// Ids of the tokens of single bytes, in order.
    bytes: Vec<u32>,
    /// By id: the bytes of text that a token covers, or [`LONG`]. Made when first asked for.
    lengths: OnceLock<Box<[u8]>>,
}

/// Stands for lengths of so many bytes or more.
const LONG: u8 = u8::MAX;
/// Ids up to here have their length in a table.
const TABLE: usize = 1 << 21;

impl Spaced {
    /// What the chain of a specification does, if that is all it does and the model allows cuts before marks.
    pub(super) fn new(spec: &TokenizerSpec, model: &Model) -> Option<Self> {
        let Model::Encoder { marker: Some(_), missing: Missing::Nothing, symbols, .. } = model else { return None };
        let Symbols::Chars { byte_fallback: Some(ids), .. } = symbols else { return None };
        let (before, whole_chars) = chain(spec)?;
        let mut bytes = ids.to_vec();
        bytes.sort_unstable();
        let mark = Finder::new(MARK).into_owned();
        Some(Self { before, whole_chars, mark, bytes, lengths: OnceLock::new() })
    }

    /// Whether a text can go this way.
    pub(super) fn takes(&self, text: &str) -> bool {
        u32::try_from(text.len()).is_ok() && self.mark.find(text.as_bytes()).is_none()
    }

    /// Appends the ids of a text; says whether a mark was put before it. `at_start` tells that it begins the input.
    pub(super) fn encode(&self, text: &str, at_start: bool, work: &mut Work<'_>, out: &mut Vec<u32>) -> bool {
        let marked = match self.before {
            Before::Never => false,
            Before::Always => true,
            Before::Missing => !text.starts_with(' '),
            Before::MissingAtStart => at_start && !text.starts_with(' '),
        };
        if let (Model::Encoder { encoder, .. }, Some(scratch)) = (work.model, &mut work.scratch) {
            encoder.encode_words(text, marked, scratch, out);
        }
        marked
    }

    /// Appends ids and spans of a text that begins at `origin`; false, and nothing is appended, if the spans are not certain.
    pub(super) fn locate(&self, text: &str, origin: usize, work: &mut Work<'_>, found: &mut Found) -> bool {
        let Model::Encoder { encoder, .. } = work.model else { return false };
        let bpe = encoder.bpe();
        let (ids_before, spans_before) = (found.ids.len(), found.spans.len());
        let marked = self.encode(text, origin == 0, work, &mut found.ids);
        let ids = &found.ids[ids_before..];
        // Behind a mark that is not in the text, its first character comes as an insertion: all of it, or nothing, is covered.
        let first = if marked { text.chars().next().map_or(0, char::len_utf8) } else { 0 };
        let lengths = self.lengths.get_or_init(|| self.lengths(bpe));
        let mut end = 0;
        let mut owed = usize::from(marked);
        found.spans.extend(ids.iter().map(|&id| {
            let length = match lengths.get(id as usize) {
                Some(&length) if length < LONG => length.into(),
                _ => self.length(bpe, id),
            };
            let start = end;
            end += length.saturating_sub(owed);
            owed = owed.saturating_sub(length);
            self.span(text, first, (start, end), origin)
        }));
        if end == text.len() && owed == 0 {
            return true;
        }
        // A token for a byte can be made by merges too, in an odd vocabulary.
        found.ids.truncate(ids_before);
        found.spans.truncate(spans_before);
        false
    }

    #[inline]
    fn span(&self, text: &str, first: usize, (mut start, mut end): Span, origin: usize) -> Span {
        if start < first {
            start = 0;
            end = end.max(first);
        }
        if self.whole_chars {
            while start > 0 && text.as_bytes().get(start).is_some_and(|&byte| is_inner(byte)) {
                start -= 1;
            }
            while text.as_bytes().get(end).is_some_and(|&byte| is_inner(byte)) {
                end += 1;
            }
        }
        (origin + start, origin + end)
    }

    fn lengths(&self, bpe: &Bpe) -> Box<[u8]> {
        let size = (bpe.vocab().max_id().0 as usize + 1).min(TABLE);
        (0..u32::MAX).take(size).map(|id| u8::try_from(self.length(bpe, id)).unwrap_or(LONG)).collect()
    }

    /// Bytes of text that a token covers: a mark is one space.
    fn length(&self, bpe: &Bpe, id: u32) -> usize {
        if self.bytes.binary_search(&id).is_ok() {
            return 1;
        }
        let bytes = bpe.vocab().bytes(TokenId(id)).unwrap_or_default();
        let marks = self.mark.find_iter(bytes).count();
        bytes.len() - (MARK.len() - 1) * marks
    }
}

/// Whether a byte goes on a character.
const fn is_inner(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// When a chain puts a mark before the text, and whether all bytes of a character have one span; `None` if it does something
/// else.
fn chain(spec: &TokenizerSpec) -> Option<(Before, bool)> {
    if spec.alphabet == Alphabet::ByteLevel {
        return None;
    }
    let mut steps = Vec::new();
    flatten(spec.normalizer.as_ref(), &mut steps);
    let spaces_to_marks = |step: &Normalizer| matches!(step, Normalizer::Replace { pattern: Pattern::Literal(from), content } if from == " " && content == MARK);
    match &steps[..] {
        [] => match &spec.segmentation {
            Segmentation::Chain(PreTokenizer::Metaspace { replacement, prepend_scheme, split: false })
                if MARK.chars().eq([*replacement]) =>
            {
                let before = match prepend_scheme {
                    PrependScheme::Never => Before::Never,
                    PrependScheme::Always => Before::Missing,
                    PrependScheme::First => Before::MissingAtStart,
                };
                Some((before, true))
            }
            _ => None,
        },
        [replace] if spaces_to_marks(replace) && is_whole(&spec.segmentation) => Some((Before::Never, false)),
        [Normalizer::Prepend(mark), replace]
            if mark == MARK && spaces_to_marks(replace) && is_whole(&spec.segmentation) =>
        {
            Some((Before::Always, false))
        }
        _ => None,
    }
}

fn flatten<'a>(normalizer: Option<&'a Normalizer>, steps: &mut Vec<&'a Normalizer>) {
    match normalizer {
        Some(Normalizer::Sequence(all)) => all.iter().for_each(|one| flatten(Some(one), steps)),
        other => steps.extend(other),
    }
}

/// Whether a text without spaces is one piece.
fn is_whole(segmentation: &Segmentation) -> bool {
    match segmentation {
        Segmentation::Whole => true,
        Segmentation::Chain(PreTokenizer::Split { pattern: Pattern::Literal(space), invert: false, .. }) => {
            space == " "
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::{Detail, EncodeOptions, FullEncoder, Input, Tokenizer, compile};
    use crate::spec::{
        AddedToken, AddedTokenPolicy, Alphabet, BpeSpec, MergeRule, Normalizer, Pattern, PreTokenizer, PrependScheme,
        Segmentation, Symbols, TokenTable, TokenizerSpec,
    };
    use proptest::prelude::*;
    use std::sync::{Arc, LazyLock};

    const WORDS: [(&str, &str); 8] =
        [("▁", "▁"), ("t", "h"), ("th", "e"), ("▁", "the"), ("▁", "a"), ("▁▁", "▁▁"), ("é", "é"), ("▁the", "a")];

    /// A vocabulary of marks, some letters, bytes and the products of `WORDS`, behind a chain.
    fn tokenizer(normalizer: Option<Normalizer>, segmentation: Segmentation) -> Tokenizer {
        let mut tokens = TokenTable::default();
        let mut id = 0;
        let mut push = |token: &str| {
            tokens.push(token.as_bytes(), id);
            id += 1;
            id - 1
        };
        let mut bytes = Box::new([0; 256]);
        for (byte, id) in bytes.iter_mut().enumerate() {
            *id = push(&format!("<0x{byte:02X}>"));
        }
        let mut ids: Vec<(String, u32)> = ["▁", "t", "h", "e", "a", "é"].map(|one| (one.to_owned(), push(one))).into();
        let find = |ids: &[(String, u32)], text: &str| {
            ids.iter().find(|known| known.0 == text).map(|known| known.1).expect("made before")
        };
        let mut pairs = Vec::new();
        for (left, right) in WORDS {
            pairs.push((find(&ids, left), find(&ids, right)));
            let product = format!("{left}{right}");
            ids.push((product.clone(), push(&product)));
        }
        let symbols = Symbols::Chars { byte_fallback: Some(bytes), unknown: None, fuse_unknown: false };
        let model = BpeSpec { tokens, merges: MergeRule::Pairs(pairs), symbols, ignore_merges: false };
        let spec = TokenizerSpec {
            normalizer,
            segmentation,
            alphabet: Alphabet::Text,
            model,
            added_tokens: vec![AddedToken::special("<s>", 1000)],
            added_token_policy: AddedTokenPolicy::SkipDisallowed,
            ..TokenizerSpec::from_ranks(TokenTable::default(), None, vec![])
        };
        compile(spec).expect("a vocabulary")
    }

    fn replace(from: &str, to: &str) -> Normalizer {
        Normalizer::Replace { pattern: Pattern::Literal(from.into()), content: to.into() }
    }

    /// Tokenizers that go the short way, each with one that does the same the general way: it replaces something more, which
    /// no text of the test has.
    static PAIRS: LazyLock<Vec<(Tokenizer, Tokenizer)>> = LazyLock::new(|| {
        let metaspace = |prepend_scheme| {
            Segmentation::Chain(PreTokenizer::Metaspace { replacement: '▁', prepend_scheme, split: false })
        };
        let chains = [
            (vec![Normalizer::Prepend("▁".into()), replace(" ", "▁")], Segmentation::Whole),
            (vec![replace(" ", "▁")], Segmentation::Whole),
            (vec![], metaspace(PrependScheme::First)),
            (vec![], metaspace(PrependScheme::Always)),
            (vec![], metaspace(PrependScheme::Never)),
        ];
        let both = |(steps, segmentation): (Vec<Normalizer>, Segmentation)| {
            let general = steps.iter().cloned().chain([replace("#", "+")]).collect();
            let short = tokenizer(Some(Normalizer::Sequence(steps)), segmentation.clone());
            let long = tokenizer(Some(Normalizer::Sequence(general)), segmentation);
            assert!(short.spaced.is_some() && long.spaced.is_none());
            (short, long)
        };
        chains.into_iter().map(both).collect()
    });

    proptest! {
        #[test]
        fn the_short_way_gives_what_the_general_way_gives(
            parts in prop::collection::vec(
                prop::sample::select(vec![" ", "  ", "the", "th", "a", "é", "éé", "日", "x", "\n", "▁", "<s>", "the the "]),
                0..40,
            ),
        ) {
            let text = parts.concat();
            for (short, long) in &*PAIRS {
                let all = crate::pipeline::AllowedSpecials::all();
                let options = EncodeOptions { allowed: &all, ..EncodeOptions::default() };
                let expected = long.encode(&text, options).expect("bytes are tokens");
                prop_assert_eq!(short.encode(&text, options).expect("bytes are tokens"), expected.clone());
                let full = |tokenizer: &Tokenizer| {
                    let found = tokenizer.encode_with_offsets(&text, options).expect("bytes are tokens");
                    (found.ids, found.byte_spans, found.char_spans)
                };
                prop_assert_eq!(full(short), full(long), "{:?}", text);
            }
        }
    }

    #[test]
    fn words_and_offsets_are_known_of_each_token() {
        let (short, _) = &PAIRS[0];
        let ids = short.encode("the  a", EncodeOptions::default()).expect("bytes are tokens");
        let strings: Vec<&[u8]> = ids.iter().filter_map(|&id| short.token_bytes(id)).collect();
        assert_eq!(strings.len(), ids.len());
        let full = FullEncoder::new(Arc::new(tokenizer(
            Some(Normalizer::Sequence(vec![Normalizer::Prepend("▁".into()), replace(" ", "▁")])),
            Segmentation::Whole,
        )));
        let encoding =
            full.encode(Input::Text("the 日"), 0, Detail::Full, EncodeOptions::default()).expect("bytes are tokens");
        assert_eq!(encoding.words(), vec![0; encoding.len()]);
        assert_eq!(encoding.offsets().first(), Some(&[0, 3]));
        assert_eq!(encoding.offsets().last(), Some(&[4, 5]));
    }
}
