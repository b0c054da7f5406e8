//! The component chain of a tokenizer file: what happens to text before and after the model, as plain data.
//!
//! Names and meanings are those of the `tokenizer.json` format of Hugging Face tokenizers. Nothing here runs: the
//! [`pipeline`](crate::pipeline) compiles a chain into code.

/// What a component looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// This very text.
    Literal(String),
    /// A regular expression (Oniguruma's dialect).
    Regex(String),
}

/// What a split does with the text that its pattern matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitBehavior {
    /// It is dropped.
    Removed,
    /// It is a piece of its own.
    Isolated,
    /// It ends the piece before it.
    MergedWithPrevious,
    /// It begins the piece after it.
    MergedWithNext,
    /// Adjacent matches are one piece.
    Contiguous,
}

/// Which pieces a [`PreTokenizer::Metaspace`] gives a leading replacement character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrependScheme {
    /// Only the piece at the beginning of the text.
    First,
    /// None.
    Never,
    /// All.
    Always,
}

/// A rewriting of the text before it is split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Normalizer {
    /// Canonical composition.
    Nfc,
    /// Canonical decomposition.
    Nfd,
    /// Compatibility composition.
    Nfkc,
    /// Compatibility decomposition.
    Nfkd,
    /// Every character to lower case.
    Lowercase,
    /// White space removed at the ends.
    Strip {
        /// At the beginning.
        left: bool,
        /// At the end.
        right: bool,
    },
    /// Every match replaced.
    Replace {
        /// What to look for.
        pattern: Pattern,
        /// What to put there.
        content: String,
    },
    /// Text put before the input unless that is empty.
    Prepend(String),
    /// Combining marks removed.
    StripAccents,
    /// Control characters removed, other white space to spaces (as for neural machine translation in SentencePiece).
    Nmt,
    /// What the model BERT does to text.
    Bert {
        /// Whether control characters go and white space becomes spaces.
        clean_text: bool,
        /// Whether Chinese characters get spaces around them.
        handle_chinese_chars: bool,
        /// Whether accents go; if not given, as `lowercase`.
        strip_accents: Option<bool>,
        /// Whether everything becomes lower case.
        lowercase: bool,
    },
    /// A character map compiled by SentencePiece.
    Precompiled {
        /// The compiled map.
        map: Vec<u8>,
        /// What it leaves as it is: symbols that the user of the trainer defined.
        keep: Vec<String>,
    },
    /// Such a map as Hugging Face tokenizers applies it: to grapheme clusters.
    PrecompiledForGraphemes(Vec<u8>),
    /// Runs of spaces to one space, and none at the ends (SentencePiece).
    CollapseSpaces,
    /// UTF-8 bytes written in GPT-2's byte alphabet.
    ByteLevel,
    /// One after another.
    Sequence(Vec<Normalizer>),
}

/// A cut of the text into pieces that the model never merges across.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreTokenizer {
    /// GPT-2's: an optional regular expression, then bytes written in the byte alphabet.
    ByteLevel {
        /// Whether a piece that does not begin with a space gets one.
        add_prefix_space: bool,
        /// Whether offsets leave white space out (only read by the post-processor of the same name).
        trim_offsets: bool,
        /// Whether to split with GPT-2's pattern.
        use_regex: bool,
    },
    /// A split at the matches of a pattern.
    Split {
        /// What to look for.
        pattern: Pattern,
        /// What becomes of the matches.
        behavior: SplitBehavior,
        /// Whether matches and the text between them change roles.
        invert: bool,
    },
    /// A split around numeric characters.
    Digits {
        /// Whether each is a piece of its own.
        individual: bool,
    },
    /// A split at punctuation characters.
    Punctuation(SplitBehavior),
    /// Spaces replaced by a visible character, and a split before each.
    Metaspace {
        /// The visible character.
        replacement: char,
        /// Which pieces get one put before them.
        prepend_scheme: PrependScheme,
        /// Whether to split.
        split: bool,
    },
    /// Words and runs of other non-space characters; white space is dropped.
    Whitespace,
    /// A split at white space, which is dropped.
    WhitespaceSplit,
    /// A split at a character, which is dropped.
    CharDelimiterSplit(char),
    /// A split where the script changes.
    UnicodeScripts,
    /// Pieces of this many characters each.
    FixedLength(usize),
    /// A split at white space, which is dropped, and around punctuation.
    Bert,
    /// One after another, each on the pieces of the one before.
    Sequence(Vec<PreTokenizer>),
}

/// An element of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplatePiece {
    /// The first (`false`) or second (`true`) input.
    Sequence {
        /// Whether it is the second.
        second: bool,
        /// Type id of its tokens.
        type_id: u32,
    },
    /// The tokens registered under a name.
    SpecialToken {
        /// The name.
        name: String,
        /// Type id of the tokens.
        type_id: u32,
    },
}

/// Tokens registered for a template under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateToken {
    /// The name.
    pub name: String,
    /// The ids it stands for.
    pub ids: Vec<u32>,
    /// Their token strings.
    pub tokens: Vec<String>,
}

/// What is added around the ids of a text when special tokens are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostProcessor {
    /// Changes offsets only.
    ByteLevel {
        /// Whether prefix spaces count as part of the token's offsets.
        add_prefix_space: bool,
        /// Whether offsets leave white space out.
        trim_offsets: bool,
        /// Kept for saving.
        use_regex: bool,
    },
    /// A template.
    Template {
        /// For one input.
        single: Vec<TemplatePiece>,
        /// For two inputs.
        pair: Vec<TemplatePiece>,
        /// The tokens that the templates name.
        special_tokens: Vec<TemplateToken>,
    },
    /// `[CLS] A [SEP]`.
    Bert {
        /// Separator, with its id.
        sep: (String, u32),
        /// Beginning, with its id.
        cls: (String, u32),
    },
    /// `<s> A </s>`.
    Roberta {
        /// Separator, with its id.
        sep: (String, u32),
        /// Beginning, with its id.
        cls: (String, u32),
        /// Whether offsets leave white space out.
        trim_offsets: bool,
        /// Whether prefix spaces count as part of the token's offsets.
        add_prefix_space: bool,
    },
    /// One after another.
    Sequence(Vec<PostProcessor>),
}

/// From token strings back to text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoder {
    /// Byte alphabet to bytes.
    ByteLevel {
        /// Kept for saving.
        add_prefix_space: bool,
        /// Kept for saving.
        trim_offsets: bool,
        /// Kept for saving.
        use_regex: bool,
    },
    /// `<0x41>` to the byte it names.
    ByteFallback,
    /// All tokens joined into one.
    Fuse,
    /// Every match in each token replaced.
    Replace {
        /// What to look for.
        pattern: Pattern,
        /// What to put there.
        content: String,
    },
    /// A character removed at the ends of each token.
    Strip {
        /// The character.
        content: char,
        /// How many at most at the beginning.
        start: usize,
        /// How many at most at the end.
        stop: usize,
    },
    /// The visible character back to a space.
    Metaspace {
        /// The visible character.
        replacement: char,
        /// Whether the first token loses it.
        prepend_scheme: PrependScheme,
        /// Kept for saving.
        split: bool,
    },
    /// The end-of-word suffix back to a space.
    Bpe {
        /// The suffix.
        suffix: String,
    },
    /// Tokens without the prefix begin a word.
    WordPiece {
        /// The prefix of tokens inside a word.
        prefix: String,
        /// Whether spaces before punctuation go.
        cleanup: bool,
    },
    /// Repeated tokens are one, and padding goes (connectionist temporal classification).
    Ctc {
        /// What stands for nothing.
        pad_token: String,
        /// What stands between words.
        word_delimiter_token: String,
        /// Whether spaces before punctuation go, and delimiters become spaces.
        cleanup: bool,
    },
    /// One after another.
    Sequence(Vec<Decoder>),
}

/// A token that is found in the text before anything else happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "the five flags of the file format")]
pub struct AddedToken {
    /// Its text.
    pub content: String,
    /// Its id.
    pub id: u32,
    /// Whether decoding may skip it and encoding finds it only if allowed.
    pub special: bool,
    /// Whether it is found only between non-word characters.
    pub single_word: bool,
    /// Whether it swallows white space before it.
    pub lstrip: bool,
    /// Whether it swallows white space after it.
    pub rstrip: bool,
    /// Whether its normalized form is looked for in the normalized text.
    pub normalized: bool,
}

impl AddedToken {
    /// A special token that is found as it is written.
    #[must_use]
    pub fn special(content: impl Into<String>, id: u32) -> Self {
        Self {
            content: content.into(),
            id,
            special: true,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
        }
    }
}
