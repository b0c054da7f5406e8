//! Pretokenizers by name.

use super::{Dialect, PatternError, Pretokenizer, Split};

/// tiktoken's pattern for `gpt2`, `r50k_base` and `p50k_base`.
const R50K: &str = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s";
/// tiktoken's pattern for `cl100k_base`. Blanks at the end of a text are one piece even with line breaks.
const CL100K: &str = concat!(
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$",
    r"|\s*[\r\n]|\s+(?!\S)|\s"
);
const LLAMA3: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*",
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
);
const QWEN2: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*",
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
);
const QWEN35: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*",
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
);
const O200K: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);
const TEKKEN: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);
const KIMI: &str = concat!(
    r"[\p{Han}]+",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);
/// What the `ByteLevel` pre-tokenizer of Hugging Face tokenizers splits by.
pub(super) const BYTE_LEVEL: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// The three splits of DeepSeek-V3, in order.
pub(super) const DEEPSEEK: [&str; 3] = [
    r"\p{N}{1,3}",
    r"[一-龥぀-ゟ゠-ヿ]+",
    concat!(
        r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##,
        r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
];

/// What a name stands for.
enum Source {
    One(Dialect, &'static str),
    Sequence(&'static [Split<'static>]),
}

use Dialect::{HuggingFace, Tiktoken};

/// Every name, with the models that use it where that is not plain.
const NAMES: [(&str, Source); 14] = [
    ("gpt2", Source::One(Tiktoken, R50K)),
    ("r50k_base", Source::One(Tiktoken, R50K)),
    ("p50k_base", Source::One(Tiktoken, R50K)),
    ("p50k_edit", Source::One(Tiktoken, R50K)),
    ("cl100k_base", Source::One(Tiktoken, CL100K)),
    ("o200k_base", Source::One(Tiktoken, O200K)),
    ("o200k_harmony", Source::One(Tiktoken, O200K)),
    ("llama3", Source::One(HuggingFace, LLAMA3)),
    ("qwen2", Source::One(HuggingFace, QWEN2)),
    ("qwen3.5", Source::One(HuggingFace, QWEN35)),
    ("tekken", Source::One(HuggingFace, TEKKEN)),
    ("kimi", Source::One(Tiktoken, KIMI)),
    (
        "deepseek_v3",
        Source::Sequence(&[Split::Pattern(DEEPSEEK[0]), Split::Pattern(DEEPSEEK[1]), Split::Pattern(DEEPSEEK[2])]),
    ),
    ("starcoder", Source::Sequence(&[Split::Digits, Split::Pattern(BYTE_LEVEL)])),
];

/// The names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, _)| *name)
}

/// Compiles what a name stands for.
pub(super) fn find(name: &str) -> Result<Pretokenizer, PatternError> {
    let unknown = || PatternError::unknown_name(name, &names().collect::<Vec<_>>());
    let (_, source) = NAMES.iter().find(|(known, _)| *known == name).ok_or_else(unknown)?;
    match *source {
        Source::One(dialect, pattern) => Pretokenizer::from_pattern(pattern, dialect),
        Source::Sequence(splits) => Pretokenizer::from_splits(splits)?.ok_or_else(unknown),
    }
}
