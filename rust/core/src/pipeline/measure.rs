//! Token counts, and texts cut to a number of tokens.
//!
//! # Why the cuts are exact
//!
//! The number of tokens is not monotone: a longer prefix of a text may have fewer tokens. What is monotone is the number
//! of tokens before a *settled* boundary, one between two pieces that no continuation can move: every prefix that reaches
//! the place where a boundary became settled has at least the tokens before it. So once these exceed the limit, no longer
//! prefix fits. Prefixes below that place share all boundaries settled before them, and differ in what follows the last of
//! these alone: a piece or two, whose prefixes are tried from the longest down, or counted all at once
//! ([`Bpe::prefix_counts`](crate::bpe::Bpe::prefix_counts)) if they are long. For suffixes the same holds with safe cuts,
//! which no text before or behind can move, in place of settled boundaries.
//!
//! Prefixes of texts that are one piece, rewritten character by character at most (Llama 2), are counted all at once too.
//! Other tokenizers without a compiled pretokenizer, and those that rewrite text, promise less, and so do suffixes inside a
//! piece of more than [`TRIED`] bytes: the cut fits, and it is the best one among all that end up to [`REACH`] characters
//! beyond the last token that fits in the encoding of the whole text.

use super::encode::EncodeOptions;
use super::error::EncodeError;
use super::rewrite::Tracked;
use super::segment::Segmenter;
use super::tokenizer::Tokenizer;
use crate::pretokenize::Pretokenizer;
use crate::pretokenize::machine::{Cursor, Machine};
use crate::unicode;
use std::ops::Range;

/// How many characters beyond the obvious cut are tried where nothing is proven.
const REACH: usize = 64;
/// Bytes encoded between two looks at the limit.
const STRIDE: usize = 1 << 12;
/// Longer stretches are counted by [`Bpe::prefix_counts`](crate::bpe::Bpe::prefix_counts).
const LONG: usize = 256;
/// The longest stretch of which every suffix is tried.
const TRIED: usize = 1 << 12;

/// Bytes of text that a token covers: usually, and at most as far as long texts are looked at in windows.
const TOKEN: (usize, usize) = (8, 1 << 12);

/// Which end of a text is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The beginning: a suffix is kept.
    Left,
    /// The end: a prefix is kept.
    Right,
}

impl Tokenizer {
    /// The number of ids of a text, or `limit` if there are more: then the rest of the text is not looked at, as far as the
    /// tokenizer allows.
    ///
    /// # Errors
    /// If part of the text would be lost.
    pub fn count(&self, text: &str, options: EncodeOptions<'_>, limit: Option<usize>) -> Result<usize, EncodeError> {
        let mut ids = Vec::new();
        let Some((limit, parts)) = limit.and_then(|limit| Some((limit, self.parts(text, options, STRIDE)?))) else {
            self.encode_into(text, options, &mut ids)?;
            return Ok(limit.map_or(ids.len(), |limit| ids.len().min(limit)));
        };
        let mut count = 0;
        for part in parts {
            if count >= limit {
                break;
            }
            ids.clear();
            self.encode_part_into(text, &part, options, &mut ids)?;
            count += ids.len();
        }
        Ok(count.min(limit))
    }

    /// The longest prefix or suffix, in characters, whose own encoding has at most `max_tokens` ids: its bytes in the text.
    ///
    /// The module documentation says when this is exact.
    ///
    /// # Errors
    /// If part of the text would be lost.
    pub fn truncate(
        &self,
        text: &str,
        max_tokens: usize,
        side: Side,
        options: EncodeOptions<'_>,
    ) -> Result<Range<usize>, EncodeError> {
        let (max_tokens, options) = self.without_template(max_tokens, options);
        if side == Side::Right {
            // Without its last token an encoding is that of a shorter text: if no prefix fits that ends within a token's
            // length of a window's end, no longer one does.
            let margin = self.model.longest_token().min(TOKEN.1);
            let mut reach = max_tokens.saturating_mul(TOKEN.0).saturating_add(2 * margin + STRIDE);
            while reach < text.len() {
                let window = (0..=reach).rev().find_map(|at| text.get(..at)).unwrap_or_default();
                let kept = self.truncate_all(window, max_tokens, side, options)?;
                if kept.end + margin < window.len() {
                    return Ok(kept);
                }
                reach = reach.saturating_mul(2);
            }
        }
        self.truncate_all(text, max_tokens, side, options)
    }

    /// As [`Tokenizer::truncate`], looking at the whole text.
    fn truncate_all(
        &self,
        text: &str,
        max_tokens: usize,
        side: Side,
        options: EncodeOptions<'_>,
    ) -> Result<Range<usize>, EncodeError> {
        if self.count(text, options, Some(max_tokens.saturating_add(1)))? <= max_tokens {
            return Ok(0..text.len());
        }
        let mut cut = Cut { tokenizer: self, options, text, max_tokens, ids: Vec::new() };
        let mut segments = Vec::new();
        self.added.segments(text, options.allowed, &mut segments);
        let ordinary = segments.iter().all(|segment| segment.token.is_none());
        let plain = self.cutter(text, options).filter(|_| ordinary).and_then(|p| Some((p, p.machine()?)));
        if side == Side::Right
            && plain.is_none()
            && ordinary
            && let Some(found) = cut.prefix_of_piece()?
        {
            return Ok(found);
        }
        match (side, plain) {
            (Side::Right, Some((pretokenizer, machine))) => cut.settled_prefix(pretokenizer, machine),
            (Side::Left, Some((pretokenizer, _))) => cut.suffix(pretokenizer),
            (Side::Right, None) => cut.near_prefix(),
            (Side::Left, None) => cut.near_suffix(),
        }
    }

    /// The tokens left for the text once the post-processor has added its own, and options without those.
    fn without_template<'a>(&self, max_tokens: usize, options: EncodeOptions<'a>) -> (usize, EncodeOptions<'a>) {
        if !options.add_special_tokens {
            return (max_tokens, options);
        }
        let added = self.template.iter().filter(|item| item.id().is_some()).count();
        let texts = (self.template.len() - added).max(1);
        (max_tokens.saturating_sub(added) / texts, EncodeOptions { add_special_tokens: false, ..options })
    }

    /// Cuts a text into chunks of at most `max_tokens` ids each, every one as long as [`Tokenizer::truncate`] makes it. Each
    /// chunk after the first begins with the longest suffix of the one before that has at most `overlap` ids.
    ///
    /// # Errors
    /// If part of the text would be lost, or if a character has more than `max_tokens` ids.
    pub fn chunk(
        &self,
        text: &str,
        max_tokens: usize,
        overlap: usize,
        options: EncodeOptions<'_>,
    ) -> Result<Vec<Range<usize>>, EncodeError> {
        let mut chunks: Vec<Range<usize>> = Vec::new();
        let mut start = 0;
        while start < text.len() {
            let end = start + self.truncate(&text[start..], max_tokens, Side::Right, options)?.end;
            let before = chunks.last().map_or(0, |chunk| chunk.end);
            if end <= before.max(start) {
                if start < before {
                    // The overlap leaves no room for more: go on without it.
                    start = before;
                    continue;
                }
                return Err(EncodeError::too_small(max_tokens, start));
            }
            chunks.push(start..end);
            if end == text.len() {
                break;
            }
            let kept = self.truncate(&text[start..end], overlap, Side::Left, options)?;
            start = if kept.start == 0 { end } else { start + kept.start };
        }
        Ok(chunks)
    }
}

/// A search for a cut.
struct Cut<'a> {
    tokenizer: &'a Tokenizer,
    options: EncodeOptions<'a>,
    text: &'a str,
    max_tokens: usize,
    ids: Vec<u32>,
}

/// Between the place where it becomes known and the next epoch's, every prefix of the text has this boundary.
#[derive(Debug, Clone, Copy)]
struct Epoch {
    /// Where the boundary became settled.
    known_at: usize,
    boundary: usize,
    /// Tokens before the boundary.
    tokens: usize,
}

impl Cut<'_> {
    fn count(&mut self, range: Range<usize>) -> Result<usize, EncodeError> {
        self.ids.clear();
        self.tokenizer.encode_into(&self.text[range], self.options, &mut self.ids)?;
        Ok(self.ids.len())
    }

    /// The longest prefix that fits, by settled boundaries.
    fn settled_prefix(&mut self, pretokenizer: &Pretokenizer, machine: &Machine) -> Result<Range<usize>, EncodeError> {
        let (start, tokens) = self.safe_start(pretokenizer)?;
        let mut epochs = vec![Epoch { known_at: start, boundary: start, tokens }];
        let mut cursor = Cursor::START;
        let mut at = start;
        let mut end = self.text.len();
        'text: while at < self.text.len() {
            let (class, len) = unicode::class_at(self.text.as_bytes(), at);
            for &boundary in machine.step(&mut cursor, class, at, at + len).as_slice() {
                let last = epochs[epochs.len() - 1];
                if boundary <= last.boundary {
                    continue;
                }
                let tokens = last.tokens + self.count(last.boundary..boundary)?;
                if tokens > self.max_tokens {
                    end = at;
                    break 'text;
                }
                epochs.push(Epoch { known_at: at + len, boundary, tokens });
            }
            at += len;
        }
        for epoch in epochs.into_iter().rev() {
            if let Some(found) = self.in_epoch(epoch, end, machine)? {
                return Ok(0..found);
            }
            end = end.min(epoch.known_at.saturating_sub(1));
        }
        Ok(0..0)
    }

    /// The longest prefix that fits where a text is one piece, rewritten character by character at most; else `None`.
    fn prefix_of_piece(&self) -> Result<Option<Range<usize>>, EncodeError> {
        let tokenizer = self.tokenizer;
        let one_piece = matches!(tokenizer.segmenter, Segmenter::Fast)
            && tokenizer.model.pretokenizer().is_some_and(|pretokenizer| pretokenizer.machine().is_none());
        if !one_piece || tokenizer.added.has_normalized() || !tokenizer.normalization.keeps_prefixes(self.text) {
            return Ok(None);
        }
        let mut tracked = Tracked::new(self.text, 0);
        tokenizer.normalization.tracked(&mut tracked)?;
        let limit = u32::try_from(self.max_tokens).unwrap_or(u32::MAX - 1);
        let Some(counts) = tokenizer.model.prefix_counts(tracked.text.as_bytes(), limit) else { return Ok(None) };
        let (mut best, mut normalized) = (0, 0);
        for (at, c) in self.text.char_indices() {
            let end = at + c.len_utf8();
            while normalized < tracked.text.len() && tracked.span(normalized..normalized + 1).0 < end {
                normalized += 1;
            }
            match counts.get(normalized) {
                None => break,
                Some(&count) if count <= limit => best = end,
                Some(_) => {}
            }
        }
        Ok(Some(0..best))
    }

    /// The last safe cut, of those a stride apart, before which the tokens fit, and how many these are.
    fn safe_start(&mut self, pretokenizer: &Pretokenizer) -> Result<(usize, usize), EncodeError> {
        let (mut start, mut tokens) = (0, 0);
        loop {
            let wanted = start + STRIDE;
            let until = self.text.len().min(wanted + STRIDE);
            let Some(cut) = (wanted..until).find(|&at| pretokenizer.is_safe_cut(self.text, at)) else {
                return Ok((start, tokens));
            };
            let more = self.count(start..cut)?;
            if tokens + more > self.max_tokens {
                return Ok((start, tokens));
            }
            (start, tokens) = (cut, tokens + more);
        }
    }

    /// The longest prefix that fits and ends in an epoch, at `end` at most.
    fn in_epoch(&mut self, epoch: Epoch, end: usize, machine: &Machine) -> Result<Option<usize>, EncodeError> {
        let Some(room) = self.max_tokens.checked_sub(epoch.tokens) else { return Ok(None) };
        let first = epoch.known_at.max(epoch.boundary);
        if end.saturating_sub(epoch.boundary) <= LONG {
            let mut at = end;
            while at >= first {
                if self.text.is_char_boundary(at) && self.count(epoch.boundary..at)? <= room {
                    return Ok(Some(at));
                }
                let Some(before) = at.checked_sub(1) else { break };
                at = before;
            }
            return Ok(None);
        }
        self.in_long_epoch(epoch, first, end, room, machine)
    }

    /// The same for a boundary behind which a long piece begins: its prefixes are counted together.
    fn in_long_epoch(
        &mut self,
        epoch: Epoch,
        first: usize,
        end: usize,
        room: usize,
        machine: &Machine,
    ) -> Result<Option<usize>, EncodeError> {
        let limit = u32::try_from(room).unwrap_or(u32::MAX - 1);
        let rest = &self.text[epoch.boundary..end];
        let counts = self.tokenizer.model.prefix_counts(rest.as_bytes(), limit);
        let mut cursor = Cursor::START;
        let mut best = (first == epoch.boundary).then_some(first);
        let mut at = 0;
        while at < rest.len() {
            let (class, len) = unicode::class_at(rest.as_bytes(), at);
            machine.step(&mut cursor, class, at, at + len);
            at += len;
            let place = epoch.boundary + at;
            if place < first {
                continue;
            }
            // If the text ended here, the long piece would end at the first of these.
            let ending = machine.finish(cursor);
            let piece = ending.as_slice().iter().copied().find(|&boundary| boundary > 0).unwrap_or(at);
            let tokens = match &counts {
                Some(counts) => match counts.get(piece) {
                    Some(&count) if count <= limit => count as usize + self.count(epoch.boundary + piece..place)?,
                    _ => continue,
                },
                None => self.count(epoch.boundary..place)?,
            };
            if tokens <= room {
                best = Some(place);
            }
        }
        Ok(best)
    }

    /// The longest suffix that fits, by safe cuts.
    fn suffix(&mut self, pretokenizer: &Pretokenizer) -> Result<Range<usize>, EncodeError> {
        let (mut start, mut tokens) = (self.text.len(), 0);
        loop {
            let from = (0..start).rev().find(|&at| pretokenizer.is_safe_cut(self.text, at)).unwrap_or(0);
            let more = self.count(from..start)?;
            if tokens + more > self.max_tokens {
                return self.suffix_from(from, start, tokens);
            }
            (start, tokens) = (from, tokens + more);
            if start == 0 {
                return Ok(0..self.text.len());
            }
        }
    }

    /// The longest suffix that fits and begins behind `from`, of which the text behind `cut` has `tokens`.
    fn suffix_from(&mut self, from: usize, cut: usize, tokens: usize) -> Result<Range<usize>, EncodeError> {
        let room = self.max_tokens - tokens;
        // No token is longer than the longest.
        let reach = self.tokenizer.model.longest_token().saturating_mul(room);
        let nearest = cut.saturating_sub(reach).max(from + 1).max(cut.saturating_sub(TRIED.max(REACH)));
        for at in (nearest..cut).filter(|&at| self.text.is_char_boundary(at)) {
            if self.count(at..cut)? <= room {
                return Ok(at..self.text.len());
            }
        }
        Ok(cut..self.text.len())
    }

    /// A prefix that fits, for tokenizers about which nothing is proven.
    fn near_prefix(&mut self) -> Result<Range<usize>, EncodeError> {
        let bytes = self.max_tokens.saturating_mul(REACH).max(STRIDE);
        let mut head = self.text.len().min(bytes);
        while !self.text.is_char_boundary(head) {
            head += 1;
        }
        let spans = self.tokenizer.encode_with_offsets(&self.text[..head], self.options)?.byte_spans;
        let last = self.max_tokens.checked_sub(1).and_then(|last| spans.get(last));
        let mut guess = last.map_or(if self.max_tokens == 0 { 0 } else { head }, |span| span.1);
        while !self.text.is_char_boundary(guess) {
            guess -= 1;
        }
        while guess > 0 && self.count(0..guess)? > self.max_tokens {
            guess = self.text[..guess].char_indices().next_back().map_or(0, |(at, _)| at);
        }
        let mut best = guess;
        let beyond: Vec<usize> = self.text[guess..].char_indices().map(|(at, c)| guess + at + c.len_utf8()).collect();
        for end in beyond.into_iter().take(REACH) {
            if self.count(0..end)? <= self.max_tokens {
                best = end;
            }
        }
        Ok(0..best)
    }

    /// A suffix that fits, for tokenizers about which nothing is proven.
    fn near_suffix(&mut self) -> Result<Range<usize>, EncodeError> {
        let len = self.text.len();
        let mut tail = len.saturating_sub(self.max_tokens.saturating_mul(REACH).max(STRIDE));
        while !self.text.is_char_boundary(tail) {
            tail -= 1;
        }
        let spans = self.tokenizer.encode_with_offsets(&self.text[tail..], self.options)?.byte_spans;
        let first = spans.len().checked_sub(self.max_tokens).and_then(|first| spans.get(first));
        let mut guess = first.map_or(if self.max_tokens == 0 { len } else { tail }, |span| tail + span.0);
        while !self.text.is_char_boundary(guess) {
            guess += 1;
        }
        while guess < len && self.count(guess..len)? > self.max_tokens {
            guess += self.text[guess..].chars().next().map_or(1, char::len_utf8);
        }
        let mut best = guess;
        let before: Vec<usize> = self.text[..guess].char_indices().rev().map(|(at, _)| at).take(REACH).collect();
        for start in before {
            if self.count(start..len)? <= self.max_tokens {
                best = start;
            }
        }
        Ok(best..len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::compile;
    use crate::spec::{Normalizer, Pattern, TokenTable, TokenizerSpec};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    const WORDS: [&str; 22] = [
        "th",
        "the",
        " the",
        "  ",
        "   ",
        "12",
        "34",
        "123",
        "\n\n",
        "!!",
        "aa",
        "aaa",
        "aaaa",
        "aaaaaaaa",
        "ab",
        "aba",
        "ba",
        "\u{4e2d}\u{6587}",
        "\u{c3}\u{a9}",
        " a",
        "'s",
        "bab",
    ];

    fn tokenizer(pattern: Option<&str>) -> Tokenizer {
        let mut table = TokenTable::default();
        let bytes = (0..=255u8).map(|byte| vec![byte]);
        for (id, token) in (0..).zip(bytes.chain(WORDS.iter().map(|word| word.as_bytes().to_vec()))) {
            table.push(&token, id);
        }
        compile(TokenizerSpec::from_ranks(table, pattern, vec![])).expect("a complete vocabulary")
    }

    static COMPILED: LazyLock<[Tokenizer; 3]> =
        LazyLock::new(|| ["gpt2", "cl100k_base", "o200k_base"].map(|pattern| tokenizer(Some(pattern))));

    /// Spaces are rewritten, as in Llama 2.
    static MARKED: LazyLock<Tokenizer> = LazyLock::new(|| {
        let mut spec = tokenizer(None).spec().clone();
        let replace = Normalizer::Replace { pattern: Pattern::Literal(" ".into()), content: "th".into() };
        spec.normalizer = Some(Normalizer::Sequence(vec![Normalizer::Prepend("th".into()), replace]));
        compile(spec).expect("a complete vocabulary")
    });

    fn longest_prefix(tokenizer: &Tokenizer, text: &str, max: usize) -> usize {
        let count = |end: usize| tokenizer.encode(&text[..end], EncodeOptions::default()).expect("complete").len();
        (0..=text.len()).rev().find(|&end| text.is_char_boundary(end) && count(end) <= max).expect("the empty prefix")
    }

    fn longest_suffix(tokenizer: &Tokenizer, text: &str, max: usize) -> usize {
        let count = |start: usize| tokenizer.encode(&text[start..], EncodeOptions::default()).expect("complete").len();
        (0..=text.len()).find(|&start| text.is_char_boundary(start) && count(start) <= max).expect("the empty suffix")
    }

    fn texts() -> impl Strategy<Value = String> {
        let parts = vec![
            "the",
            " ",
            "  ",
            "a",
            "b",
            "\n",
            "1",
            "!",
            "'",
            "'s",
            "\u{4e2d}",
            "\u{6587}",
            "\u{e9}",
            "A",
            " a",
            "\u{1f389}",
        ];
        prop::collection::vec(prop::sample::select(parts), 0..60).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn cuts_are_the_longest_that_fit(text in texts(), max in 0_usize..40) {
            for tokenizer in &*COMPILED {
                let options = EncodeOptions::default();
                let prefix = tokenizer.truncate(&text, max, Side::Right, options).expect("complete");
                prop_assert_eq!(prefix, 0..longest_prefix(tokenizer, &text, max));
                let suffix = tokenizer.truncate(&text, max, Side::Left, options).expect("complete");
                prop_assert_eq!(suffix, longest_suffix(tokenizer, &text, max)..text.len());
                let all = tokenizer.encode(&text, options).expect("complete").len();
                prop_assert_eq!(tokenizer.count(&text, options, Some(max)).expect("complete"), all.min(max));
            }
        }

        #[test]
        fn counts_of_all_prefixes_are_those_of_encoding_them(text in "[ab ]{0,300}", limit in 0_u32..90) {
            let tokenizer = &COMPILED[0];
            let counts = tokenizer.model.prefix_counts(text.as_bytes(), limit).expect("ranks in order");
            let whole = tokenizer_without_pattern();
            for end in 0..=text.len() {
                let expected = whole.encode(&text[..end], EncodeOptions::default()).expect("complete").len();
                match counts.get(end) {
                    Some(&count) => prop_assert_eq!(count as usize, expected),
                    None => prop_assert!(expected > limit as usize),
                }
            }
        }

        #[test]
        fn prefixes_of_one_piece_are_exact(text in "[ab é]{0,80}", max in 0_usize..40) {
            for tokenizer in [tokenizer_without_pattern(), &*MARKED] {
                let prefix = tokenizer.truncate(&text, max, Side::Right, EncodeOptions::default()).expect("complete");
                prop_assert_eq!(prefix, 0..longest_prefix(tokenizer, &text, max));
            }
        }

    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn long_pieces_are_cut_exactly(a in 200_usize..400, b in 0_usize..400, max in 20_usize..90) {
            let text = format!("{}{} {}", "a".repeat(a), "ba".repeat(b / 2), " ".repeat(b));
            for tokenizer in &*COMPILED {
                let prefix = tokenizer.truncate(&text, max, Side::Right, EncodeOptions::default()).expect("complete");
                prop_assert_eq!(prefix, 0..longest_prefix(tokenizer, &text, max));
            }
        }

        #[test]
        fn chunks_fit_and_cover_the_text(text in texts(), max in 4_usize..20, overlap in 0_usize..4) {
            for tokenizer in &*COMPILED {
                let options = EncodeOptions::default();
                let chunks = tokenizer.chunk(&text, max, overlap, options).expect("no character has more than four tokens");
                prop_assert_eq!(chunks.is_empty(), text.is_empty());
                prop_assert!(chunks.first().is_none_or(|first| first.start == 0));
                prop_assert!(chunks.last().is_none_or(|last| last.end == text.len()));
                for chunk in &chunks {
                    prop_assert!(tokenizer.encode(&text[chunk.clone()], options).expect("complete").len() <= max);
                }
                for pair in chunks.windows(2) {
                    prop_assert!(pair[1].start <= pair[0].end && pair[0].end < pair[1].end);
                    let shared = &text[pair[1].start..pair[0].end];
                    prop_assert!(tokenizer.encode(shared, options).expect("complete").len() <= overlap);
                }
            }
        }
    }

    fn tokenizer_without_pattern() -> &'static Tokenizer {
        static WHOLE: LazyLock<Tokenizer> = LazyLock::new(|| tokenizer(None));
        &WHOLE
    }

    #[test]
    fn a_character_of_more_tokens_than_a_chunk_is_an_error() {
        let error = COMPILED[0].chunk("ab\u{1f389}", 2, 0, EncodeOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), "the character at byte 2 has more than 2 tokens, the most a chunk may have");
    }

    #[test]
    fn long_texts_without_boundaries_are_cut_quickly() {
        let text = "a".repeat(1 << 20);
        for tokenizer in &*COMPILED {
            let options = EncodeOptions::default();
            assert_eq!(tokenizer.truncate(&text, 1000, Side::Right, options).expect("complete"), 0..8000);
            assert_eq!(tokenizer.truncate(&text, 10, Side::Left, options).expect("complete"), (1 << 20) - 80..1 << 20);
        }
    }
}
