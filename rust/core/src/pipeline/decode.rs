//! Ids to text: decoder chains, compiled to bytes per token where that is exact.

use super::added::AddedTokens;
use super::error::CompileError;
use super::pattern::Matcher;
use super::tokenizer::Tokenizer;
use crate::decoder::{DecodeStream, Decoder, JoinRules, TokenBytes, UnknownTokenError};
use crate::spec::{self, Alphabet, PrependScheme, TokenizerSpec, bytes_to_text, text_to_bytes};
use std::collections::HashSet;

/// What token strings become.
#[derive(Debug)]
pub(super) struct Decoding {
    /// Bytes per token and how they are joined.
    decoder: Decoder,
    /// The chain as it stands, on token strings.
    steps: Option<Vec<Step>>,
    /// Whether `decoder` gives the bytes of every sequence.
    joins: bool,
    /// Token strings, as the chain reads them.
    strings: Strings,
}

#[derive(Debug)]
enum Step {
    ByteLevel,
    ByteFallback,
    Fuse,
    Replace { matcher: Matcher, content: String },
    Strip { content: char, start: usize, stop: usize },
    Metaspace { replacement: char, first: bool },
    Suffix(String),
    WordPiece { prefix: String, cleanup: bool },
    Ctc { pad_token: String, word_delimiter_token: String, cleanup: bool },
}

/// Where a token's string comes from.
#[derive(Debug)]
struct Strings {
    alphabet: Alphabet,
    /// Of added tokens: id and string, in order of id.
    added: Vec<(u32, String)>,
    /// Ids whose string is the text of a special token: what tokenizers leaves out. Others than the special ids if
    /// normalization changes that text.
    skipped: Vec<u32>,
}

impl Strings {
    fn new(spec: &TokenizerSpec, added: &AddedTokens) -> Self {
        let mut strings: Vec<(u32, String)> = added.decoded_forms().map(|(id, form)| (id, form.to_owned())).collect();
        strings.sort();
        let special: HashSet<&str> =
            added.tokens().iter().filter(|token| token.special).map(|token| token.content.as_str()).collect();
        let skipped = strings.iter().filter(|(_, form)| special.contains(form.as_str())).map(|(id, _)| *id).collect();
        Self { alphabet: spec.alphabet, added: strings, skipped }
    }

    /// Whether tokenizers leaves a token out as special.
    fn skips(&self, id: u32) -> bool {
        self.skipped.binary_search(&id).is_ok()
    }

    /// The string of a token of the vocabulary.
    fn of_entry(&self, bytes: &[u8], encodable: bool) -> String {
        match self.alphabet {
            Alphabet::ByteLevel if encodable => bytes_to_text(bytes),
            _ => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// A decoder as it stands, on token strings.
#[derive(Debug)]
pub(super) struct DecoderChain(Vec<Step>);

impl DecoderChain {
    pub(super) fn new(decoder: &spec::Decoder) -> Result<Self, CompileError> {
        steps(decoder).map(Self)
    }

    pub(super) fn run(&self, tokens: Vec<String>) -> Vec<String> {
        self.0.iter().fold(tokens, |tokens, step| step.run(tokens))
    }
}

impl Decoding {
    /// `strays` are ids that only the post-processor knows, with their names.
    pub(super) fn new(
        spec: &TokenizerSpec,
        added: &AddedTokens,
        strays: &[(u32, String)],
    ) -> Result<Self, CompileError> {
        let strings = Strings::new(spec, added);
        let steps = spec.decoder.as_ref().map(steps).transpose()?;
        let (rules, joins) = rules(spec, steps.as_deref());
        let tokens = match (spec.alphabet, steps.as_deref()) {
            // The usual cases, without a detour through strings.
            (Alphabet::Raw, None) | (Alphabet::ByteLevel, Some([Step::ByteLevel])) => {
                let vocabulary = spec.model.tokens.iter().map(|(bytes, id)| (id, bytes));
                let extra = strings.added.iter().chain(strays);
                let forms: Vec<(u32, Vec<u8>)> =
                    extra.map(|(id, form)| (*id, token_bytes(form, steps.as_deref()))).collect();
                TokenBytes::new(vocabulary.chain(forms.iter().map(|(id, bytes)| (*id, bytes.as_slice()))))
            }
            _ => {
                let tokens = &spec.model.tokens;
                let vocabulary = tokens.iter().enumerate().map(|(entry, (bytes, id))| {
                    let string = strings.of_entry(bytes, tokens.is_encodable(entry));
                    (id, token_bytes(&string, steps.as_deref()))
                });
                let added =
                    strings.added.iter().chain(strays).map(|(id, form)| (*id, token_bytes(form, steps.as_deref())));
                let all: Vec<(u32, Vec<u8>)> = vocabulary.chain(added).collect();
                TokenBytes::new(all.iter().map(|(id, bytes)| (*id, bytes.as_slice())))
            }
        };
        let tokens = tokens.ok_or_else(|| {
            CompileError::too_large("bytes of all tokens", spec.model.tokens.byte_len(), u32::MAX as usize)
        })?;
        Ok(Self { decoder: Decoder::new(tokens, rules), steps, joins, strings })
    }

    /// Whether all tokens are bytes in the byte alphabet.
    fn is_byte_level(&self) -> bool {
        matches!(self.steps.as_deref(), Some([Step::ByteLevel]))
    }

    pub(super) const fn tokens(&self) -> &TokenBytes {
        self.decoder.tokens()
    }
}

/// The chain in order.
fn steps(decoder: &spec::Decoder) -> Result<Vec<Step>, CompileError> {
    let mut steps = Vec::new();
    collect(decoder, &mut steps)?;
    Ok(steps)
}

fn collect(decoder: &spec::Decoder, steps: &mut Vec<Step>) -> Result<(), CompileError> {
    steps.push(match decoder {
        spec::Decoder::ByteLevel { .. } => Step::ByteLevel,
        spec::Decoder::ByteFallback => Step::ByteFallback,
        spec::Decoder::Fuse => Step::Fuse,
        spec::Decoder::Replace { pattern, content } => {
            Step::Replace { matcher: Matcher::new(pattern)?, content: content.clone() }
        }
        spec::Decoder::Strip { content, start, stop } => Step::Strip { content: *content, start: *start, stop: *stop },
        spec::Decoder::Metaspace { replacement, prepend_scheme, .. } => {
            Step::Metaspace { replacement: *replacement, first: *prepend_scheme != PrependScheme::Never }
        }
        spec::Decoder::Bpe { suffix } => Step::Suffix(suffix.clone()),
        spec::Decoder::WordPiece { prefix, cleanup } => Step::WordPiece { prefix: prefix.clone(), cleanup: *cleanup },
        spec::Decoder::Ctc { pad_token, word_delimiter_token, cleanup } => Step::Ctc {
            pad_token: pad_token.clone(),
            word_delimiter_token: word_delimiter_token.clone(),
            cleanup: *cleanup,
        },
        spec::Decoder::Sequence(all) => return all.iter().try_for_each(|one| collect(one, steps)),
    });
    Ok(())
}

/// How bytes per token are joined, and whether that is all there is to the chain.
///
/// It is if every step before the tokens are fused acts on each token alone, and afterwards at most one strip at the
/// beginning follows. Byte tokens that together are no UTF-8 keep their bytes here; the chain has U+FFFD for them.
fn rules(spec: &TokenizerSpec, steps: Option<&[Step]>) -> (JoinRules, bool) {
    let mut rules = JoinRules::default();
    let Some(steps) = steps else {
        if spec.alphabet != Alphabet::Raw {
            rules.separator = b" "[..].into();
        }
        return (rules, true);
    };
    let (mut fused, mut byte_tokens) = (false, false);
    for step in steps {
        match step {
            Step::ByteLevel if !fused && !byte_tokens => fused = true,
            Step::Fuse => fused = true,
            Step::ByteFallback if !fused => byte_tokens = true,
            Step::Strip { content, start, stop: 0 } if fused && rules.strip_start.is_none() => {
                rules.strip_start = Some((content.to_string().into_bytes().into(), *start));
            }
            Step::Replace { .. } | Step::Strip { .. } | Step::Metaspace { first: false, .. }
                if !fused && !byte_tokens => {}
            _ => return (rules, false),
        }
    }
    (rules, true)
}

/// The bytes of one token in the middle of a sequence.
fn token_bytes(string: &str, steps: Option<&[Step]>) -> Vec<u8> {
    let mut string = string.to_owned();
    for step in steps.unwrap_or_default() {
        match step {
            Step::ByteLevel => {
                let mut bytes = Vec::with_capacity(string.len());
                return if text_to_bytes(&string, &mut bytes) { bytes } else { string.into_bytes() };
            }
            Step::ByteFallback => {
                if let Some(byte) = byte_token(&string) {
                    return vec![byte];
                }
            }
            Step::Fuse => break,
            Step::Replace { matcher, content } => string = replaced(&string, matcher, content),
            Step::Strip { content, start, stop } => string = String::from(stripped(&string, *content, *start, *stop)),
            Step::Metaspace { replacement, .. } => string = string.replace(*replacement, " "),
            Step::Suffix(suffix) => string = string.replace(suffix, " "),
            Step::WordPiece { prefix, cleanup } => string = wordpiece(&string, prefix, *cleanup, false),
            Step::Ctc { .. } => string = step.run(vec![string]).concat(),
        }
    }
    string.into_bytes()
}

/// The byte that a token like `<0x41>` names.
fn byte_token(string: &str) -> Option<u8> {
    let digits = string.strip_prefix("<0x")?.strip_suffix('>')?;
    // Parsed as a number, as tokenizers does, so that `<0x+1>` names a byte too.
    if digits.len() == 2 { u8::from_str_radix(digits, 16).ok() } else { None }
}

/// With every match replaced; the text as it is where the engine gives up.
fn replaced(text: &str, matcher: &Matcher, content: &str) -> String {
    let mut new = String::with_capacity(text.len());
    let mut at = 0;
    let found = matcher.for_each(text, |found| {
        new.push_str(&text[at..found.start]);
        new.push_str(content);
        at = found.end;
    });
    new.push_str(&text[at..]);
    if found.is_err() { text.to_owned() } else { new }
}

fn stripped(text: &str, content: char, start: usize, stop: usize) -> &str {
    let mut rest = text;
    for _ in 0..start {
        match rest.strip_prefix(content) {
            Some(tail) => rest = tail,
            None => break,
        }
    }
    for _ in 0..stop {
        match rest.strip_suffix(content) {
            Some(head) => rest = head,
            None => break,
        }
    }
    rest
}

impl Step {
    fn run(&self, tokens: Vec<String>) -> Vec<String> {
        match self {
            Self::ByteLevel => {
                let bytes: Vec<u8> =
                    tokens.iter().flat_map(|token| token_bytes(token, Some(&[Self::ByteLevel]))).collect();
                vec![String::from_utf8_lossy(&bytes).into_owned()]
            }
            Self::ByteFallback => byte_fallback(tokens),
            Self::Fuse => vec![tokens.concat()],
            Self::Replace { matcher, content } => {
                tokens.iter().map(|token| replaced(token, matcher, content)).collect()
            }
            Self::Strip { content, start, stop } => {
                tokens.iter().map(|token| stripped(token, *content, *start, *stop).to_owned()).collect()
            }
            Self::Metaspace { replacement, first } => {
                let spaces = |(index, token): (usize, &String)| {
                    token.replace(*replacement, if index == 0 && *first { "" } else { " " })
                };
                tokens.iter().enumerate().map(spaces).collect()
            }
            Self::Suffix(suffix) => {
                let last = tokens.len().saturating_sub(1);
                let spaces =
                    |(index, token): (usize, &String)| token.replace(suffix, if index == last { "" } else { " " });
                tokens.iter().enumerate().map(spaces).collect()
            }
            Self::WordPiece { prefix, cleanup } => {
                let spaced = |(index, token): (usize, &String)| wordpiece(token, prefix, *cleanup, index == 0);
                tokens.iter().enumerate().map(spaced).collect()
            }
            Self::Ctc { pad_token, word_delimiter_token, cleanup } => {
                let mut tokens = tokens;
                tokens.dedup();
                let kept = tokens.iter().map(|token| {
                    let token = token.replace(pad_token, "");
                    if *cleanup { without_extra_spaces(&token).replace(word_delimiter_token, " ") } else { token }
                });
                kept.filter(|token| !token.is_empty()).collect()
            }
        }
    }
}

/// A token as `WordPiece` writes it.
fn wordpiece(token: &str, prefix: &str, cleanup: bool, first: bool) -> String {
    let token = match token.strip_prefix(prefix) {
        _ if first => token.to_owned(),
        Some(tail) => tail.to_owned(),
        None => format!(" {token}"),
    };
    if cleanup { without_extra_spaces(&token) } else { token }
}

/// Without the spaces that English punctuation and contractions do not have before them.
fn without_extra_spaces(text: &str) -> String {
    const REPLACED: [(&str, &str); 11] = [
        (" .", "."),
        (" ?", "?"),
        (" !", "!"),
        (" ,", ","),
        (" ' ", "'"),
        (" n't", "n't"),
        (" 'm", "'m"),
        (" do not", " don't"),
        (" 's", "'s"),
        (" 've", "'ve"),
        (" 're", "'re"),
    ];
    REPLACED.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Runs of byte tokens become text, or one U+FFFD each if they are no UTF-8 together.
fn byte_fallback(tokens: Vec<String>) -> Vec<String> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut run: Vec<u8> = Vec::new();
    let end_run = |run: &mut Vec<u8>, out: &mut Vec<String>| match String::from_utf8(std::mem::take(run)) {
        Ok(text) if text.is_empty() => {}
        Ok(text) => out.push(text),
        Err(error) => out.extend(error.as_bytes().iter().map(|_| char::REPLACEMENT_CHARACTER.to_string())),
    };
    for token in tokens {
        if let Some(byte) = byte_token(&token) {
            run.push(byte);
        } else {
            end_run(&mut run, &mut out);
            out.push(token);
        }
    }
    end_run(&mut run, &mut out);
    out
}

impl Tokenizer {
    /// The string of a token as its file writes it; of an added token, the form in which it is looked for.
    #[must_use]
    pub fn token_string(&self, id: u32) -> Option<String> {
        let strings = &self.decoding.strings;
        if let Ok(at) = strings.added.binary_search_by_key(&id, |added| added.0) {
            return Some(strings.added[at].1.clone());
        }
        self.vocabulary_string(id)
    }

    /// The string of a token of the vocabulary, whatever added tokens there are.
    pub(super) fn vocabulary_string(&self, id: u32) -> Option<String> {
        let entry = self.entry_of_id(id)?;
        let (bytes, _) = self.spec.model.tokens.get(entry)?;
        Some(self.decoding.strings.of_entry(bytes, self.spec.model.tokens.is_encodable(entry)))
    }

    /// The same text as [`decode_as_tokenizers`](Self::decode_as_tokenizers), put together from bytes where that is the same.
    #[must_use]
    pub fn decode_like_tokenizers(&self, ids: &[u32], skip_special_tokens: bool) -> String {
        // Ids that only a post-processor names are unknown there.
        if ids.iter().any(|id| self.strays.contains(id)) {
            let known: Vec<u32> = ids.iter().copied().filter(|id| !self.strays.contains(id)).collect();
            return self.decode_like_tokenizers(&known, skip_special_tokens);
        }
        if !self.decoding.joins {
            return self.decode_as_tokenizers(ids, skip_special_tokens);
        }
        let decoder = &self.decoding.decoder;
        let skips = |id: u32| skip_special_tokens && self.decoding.strings.skips(id);
        let kept = |&id: &u32| decoder.tokens().get(id).is_some() && !skips(id);
        let kept = ids.iter().copied().filter(kept).enumerate();
        match decoder.decode(kept).map(String::from_utf8) {
            Ok(Ok(text)) => text,
            // Bytes that are no UTF-8 together: it depends on the component what they become.
            Ok(Err(bytes)) if self.decoding.is_byte_level() => String::from_utf8_lossy(bytes.as_bytes()).into_owned(),
            _ => self.decode_as_tokenizers(ids, skip_special_tokens),
        }
    }

    /// The text that tokenizers gives for ids: unknown ids are left out, and the decoder runs on token strings.
    ///
    /// This differs from [`Tokenizer::decode`] where byte tokens are no UTF-8 together, and on unknown ids.
    #[must_use]
    pub fn decode_as_tokenizers(&self, ids: &[u32], skip_special_tokens: bool) -> String {
        let skips = |id: u32| skip_special_tokens && self.decoding.strings.skips(id);
        let strings = ids.iter().filter(|&&id| !skips(id));
        let mut tokens: Vec<String> = strings.filter_map(|&id| self.token_string(id)).collect();
        let Some(steps) = &self.decoding.steps else { return tokens.join(" ") };
        for step in steps {
            tokens = step.run(tokens);
        }
        tokens.concat()
    }

    /// The bytes that ids stand for.
    ///
    /// # Errors
    /// If an id is not a token's.
    pub fn decode_bytes(&self, ids: &[u32], skip_special_tokens: bool) -> Result<Vec<u8>, UnknownTokenError> {
        if self.decoding.joins {
            let decoder = &self.decoding.decoder;
            let mut out = Vec::new();
            let skips = skip_special_tokens && ids.iter().any(|&id| self.is_special(id));
            if !skips && decoder.only_joins() && decoder.tokens().append(ids, &mut out).is_ok() {
                return Ok(out);
            }
            // Here also what is no token's id is found, with its position.
            if skip_special_tokens {
                return decoder.decode(ids.iter().copied().enumerate().filter(|&(_, id)| !self.is_special(id)));
            }
            return decoder.decode(ids.iter().copied().enumerate());
        }
        let tokens = self.decoding.tokens();
        if let Some((at, &id)) = ids.iter().enumerate().find(|&(_, &id)| tokens.get(id).is_none()) {
            return Err(UnknownTokenError::new(id, at, tokens.max_id()));
        }
        Ok(self.decode_as_tokenizers(ids, skip_special_tokens).into_bytes())
    }

    /// The text that ids stand for; bytes that are no UTF-8 become U+FFFD, as Unicode recommends.
    ///
    /// # Errors
    /// If an id is not a token's.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<String, UnknownTokenError> {
        let bytes = self.decode_bytes(ids, skip_special_tokens)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
    }

    /// The text that the next id of a stream completes.
    ///
    /// # Errors
    /// If the id is not a token's; the stream is then as it was.
    pub fn step(
        &self,
        stream: &mut DecodeStream,
        id: u32,
        skip_special_tokens: bool,
    ) -> Result<String, UnknownTokenError> {
        if skip_special_tokens && self.is_special(id) {
            stream.skip();
            return Ok(String::new());
        }
        if self.decoding.joins {
            return stream.step(&self.decoding.decoder, id);
        }
        stream.step_whole(id, self.decoding.tokens(), |ids| self.decode_as_tokenizers(ids, false))
    }
}
