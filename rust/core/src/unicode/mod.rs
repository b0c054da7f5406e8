//! Pinned character classes: what the reference engines mean by `\p{Lu}`, `\s` and their like.
//!
//! Every set that a compiled pretokenizer pattern uses is a union of [`Class`]es, so that membership is a
//! lookup of one byte and a bit test in a [`ClassSet`]. The table is generated from the reference engines
//! themselves (see `docs/unicode.md`), never from the Unicode version of the compiler.

mod tables;

/// Number of classes; every class as an index is below it.
pub const CLASSES: usize = 64;

/// The class of a character: the finest partition that the compiled patterns can tell apart.
///
/// "CJK" below is the range class of the DeepSeek-V3 patterns, `[一-龥぀-ゟ゠-ヿ]`; "Han" is `\p{Han}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// Controls, formats, private use, unassigned: in none of the sets below.
    Other,
    /// As `Other`, in the CJK ranges.
    OtherCjk,
    /// As `Other`, but a number to the `Digits` pre-tokenizer, whose tables are newer.
    LateNumber,
    /// U+0020.
    Space,
    /// U+000D.
    CarriageReturn,
    /// U+000A.
    LineFeed,
    /// Any other `\s`.
    White,
    /// U+0027.
    Apostrophe,
    /// U+002F.
    Slash,
    /// Any other ASCII punctuation or symbol.
    AsciiPunct,
    /// `\p{P}` and `\p{S}` beyond ASCII.
    Punct,
    /// As `Punct`, and Han.
    PunctHan,
    /// As `Punct`, in the CJK ranges.
    PunctCjk,
    /// `0` to `9`.
    AsciiDigit,
    /// `\p{N}` beyond ASCII.
    Number,
    /// As `Number`, and Han.
    NumberHan,
    /// `d m s t`: one of them after an apostrophe is an English contraction.
    LowerDmst,
    /// `e`.
    LowerE,
    /// `l`.
    LowerL,
    /// `r v`.
    LowerRv,
    /// Any other ASCII lower-case letter.
    LowerAscii,
    /// `D M S T`.
    UpperDmst,
    /// `E`.
    UpperE,
    /// `L`.
    UpperL,
    /// `R V`.
    UpperRv,
    /// Any other ASCII upper-case letter.
    UpperAscii,
    /// U+017F, a lower-case letter that matches `s` where case is ignored.
    LongS,
    /// `\p{Ll}` beyond ASCII.
    Lower,
    /// `\p{Lu}` and `\p{Lt}` beyond ASCII.
    Upper,
    /// `\p{Lm}` and `\p{Lo}`, neither Han nor in the CJK ranges.
    Caseless,
    /// `\p{Lm}` and `\p{Lo}`, Han, outside the CJK ranges.
    CaselessHan,
    /// `\p{Lm}` and `\p{Lo}`, not Han, in the CJK ranges: kana.
    CaselessKana,
    /// `\p{Lm}` and `\p{Lo}`, Han and in the CJK ranges.
    CaselessHanCjk,
    /// `\p{M}`.
    Mark,
    /// As `Mark`, and Han.
    MarkHan,
    /// As `Mark`, in the CJK ranges.
    MarkCjk,
}

impl Class {
    /// Every class, in order.
    pub const ALL: [Self; 36] = [
        Self::Other,
        Self::OtherCjk,
        Self::LateNumber,
        Self::Space,
        Self::CarriageReturn,
        Self::LineFeed,
        Self::White,
        Self::Apostrophe,
        Self::Slash,
        Self::AsciiPunct,
        Self::Punct,
        Self::PunctHan,
        Self::PunctCjk,
        Self::AsciiDigit,
        Self::Number,
        Self::NumberHan,
        Self::LowerDmst,
        Self::LowerE,
        Self::LowerL,
        Self::LowerRv,
        Self::LowerAscii,
        Self::UpperDmst,
        Self::UpperE,
        Self::UpperL,
        Self::UpperRv,
        Self::UpperAscii,
        Self::LongS,
        Self::Lower,
        Self::Upper,
        Self::Caseless,
        Self::CaselessHan,
        Self::CaselessKana,
        Self::CaselessHanCjk,
        Self::Mark,
        Self::MarkHan,
        Self::MarkCjk,
    ];

    /// The class of a character.
    #[must_use]
    #[inline]
    pub const fn of(c: char) -> Self {
        let code = c as usize;
        if code < 0x80 { ASCII[code] } else { wide(code >> 6, code & 63) }
    }

    /// The meaning of the letters of the generated table.
    const fn from_letter(letter: u8) -> Self {
        match letter {
            b'b' => Self::Space,
            b'r' => Self::CarriageReturn,
            b'n' => Self::LineFeed,
            b'w' => Self::White,
            b'q' => Self::Apostrophe,
            b'h' => Self::Slash,
            b'p' => Self::AsciiPunct,
            b'P' => Self::Punct,
            b'S' => Self::PunctHan,
            b'T' => Self::PunctCjk,
            b'i' => Self::AsciiDigit,
            b'N' => Self::Number,
            b'J' => Self::NumberHan,
            b'd' => Self::LowerDmst,
            b'e' => Self::LowerE,
            b'l' => Self::LowerL,
            b'v' => Self::LowerRv,
            b'a' => Self::LowerAscii,
            b'D' => Self::UpperDmst,
            b'E' => Self::UpperE,
            b'L' => Self::UpperL,
            b'V' => Self::UpperRv,
            b'A' => Self::UpperAscii,
            b'f' => Self::LongS,
            b'x' => Self::Lower,
            b'X' => Self::Upper,
            b'o' => Self::Caseless,
            b'H' => Self::CaselessHan,
            b'K' => Self::CaselessKana,
            b'C' => Self::CaselessHanCjk,
            b'm' => Self::Mark,
            b'M' => Self::MarkHan,
            b'k' => Self::MarkCjk,
            b'Z' => Self::OtherCjk,
            b'y' => Self::LateNumber,
            b'z' => Self::Other,
            _ => panic!("a letter that is no class in the generated table"),
        }
    }

    /// The set of this class alone.
    #[must_use]
    pub const fn set(self) -> ClassSet {
        ClassSet(1 << self as u8)
    }
}

/// A set of classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ClassSet(pub u64);

impl ClassSet {
    /// No class.
    pub const NONE: Self = Self(0);
    /// Every class.
    pub const ALL: Self = Self((1 << Class::ALL.len()) - 1);
    /// `\s`.
    pub const WHITE: Self = Self::of(&[Class::Space, Class::CarriageReturn, Class::LineFeed, Class::White]);
    /// `[\r\n]`.
    pub const NEWLINE: Self = Self::of(&[Class::CarriageReturn, Class::LineFeed]);
    /// `[A-Z]`.
    pub const ASCII_UPPER: Self =
        Self::of(&[Class::UpperDmst, Class::UpperE, Class::UpperL, Class::UpperRv, Class::UpperAscii]);
    /// `[a-z]`.
    pub const ASCII_LOWER: Self =
        Self::of(&[Class::LowerDmst, Class::LowerE, Class::LowerL, Class::LowerRv, Class::LowerAscii]);
    /// `[\p{Lu}\p{Lt}]`.
    pub const UPPER: Self = Self::ASCII_UPPER.or(Class::Upper.set());
    /// `\p{Ll}`.
    pub const LOWER: Self = Self::ASCII_LOWER.or(Self::of(&[Class::LongS, Class::Lower]));
    /// `[\p{Lm}\p{Lo}]`.
    pub const CASELESS: Self =
        Self::of(&[Class::Caseless, Class::CaselessHan, Class::CaselessKana, Class::CaselessHanCjk]);
    /// `\p{L}`.
    pub const LETTER: Self = Self::UPPER.or(Self::LOWER).or(Self::CASELESS);
    /// `\p{M}`.
    pub const MARK: Self = Self::of(&[Class::Mark, Class::MarkHan, Class::MarkCjk]);
    /// `\p{N}`.
    pub const NUMBER: Self = Self::of(&[Class::AsciiDigit, Class::Number, Class::NumberHan]);
    /// What the `Digits` pre-tokenizer of Hugging Face tokenizers isolates.
    pub const DIGITS: Self = Self::NUMBER.or(Class::LateNumber.set());
    /// ``[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]``.
    pub const ASCII_PUNCT: Self = Self::of(&[Class::Apostrophe, Class::Slash, Class::AsciiPunct]);
    /// `[\p{P}\p{S}]`.
    pub const PUNCT: Self = Self::ASCII_PUNCT.or(Self::of(&[Class::Punct, Class::PunctHan, Class::PunctCjk]));
    /// `\p{Han}`.
    pub const HAN: Self =
        Self::of(&[Class::CaselessHan, Class::CaselessHanCjk, Class::MarkHan, Class::NumberHan, Class::PunctHan]);
    /// `[一-龥぀-ゟ゠-ヿ]`.
    pub const CJK: Self =
        Self::of(&[Class::CaselessKana, Class::CaselessHanCjk, Class::MarkCjk, Class::PunctCjk, Class::OtherCjk]);
    /// In none of `\s`, `\p{L}`, `\p{M}`, `\p{N}`, `\p{P}`, `\p{S}`.
    pub const OTHER: Self = Self::of(&[Class::Other, Class::OtherCjk, Class::LateNumber]);

    /// The set of some classes.
    #[must_use]
    pub const fn of(classes: &[Class]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < classes.len() {
            bits |= classes[i].set().0;
            i += 1;
        }
        Self(bits)
    }

    /// Whether a class is in the set.
    #[must_use]
    #[inline]
    pub const fn has(self, class: Class) -> bool {
        self.0 >> class as u8 & 1 != 0
    }

    /// The union.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The classes in this set and the other.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The classes in this set and not in the other.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The classes that are not in the set.
    #[must_use]
    pub const fn not(self) -> Self {
        Self::ALL.minus(self)
    }
}

/// How many distinct blocks there are.
pub(crate) const BLOCKS: usize = tables::BLOCKS.len();

/// The distinct blocks of 64 characters.
pub(crate) static CLASS_BLOCKS: [[Class; 64]; BLOCKS] = {
    let mut blocks = [[Class::Other; 64]; BLOCKS];
    let mut block = 0;
    while block < BLOCKS {
        let mut i = 0;
        while i < 64 {
            blocks[block][i] = Class::from_letter(tables::BLOCKS[block][i]);
            i += 1;
        }
        block += 1;
    }
    blocks
};

/// Code points in blocks of 64; rounded up to a power of two so that no index made of UTF-8 bits is outside.
const INDEX: usize = 1 << 15;

/// Which block each 64 code points use; 2 KiB of it serve the basic multilingual plane.
pub(crate) static BLOCK_OF: [u16; INDEX] = {
    let mut index = [0_u16; INDEX];
    let mut at = 0;
    let mut run = 0;
    while run < tables::RUNS.len() {
        let (block, times) = tables::RUNS[run];
        let end = at + times as usize;
        while at < end {
            index[at] = block;
            at += 1;
        }
        run += 1;
    }
    index
};

/// The class of every ASCII character.
pub static ASCII: [Class; 128] = {
    let mut classes = [Class::Other; 128];
    let mut i = 0;
    while i < 128 {
        classes[i] = wide(i >> 6, i & 63);
        i += 1;
    }
    classes
};

/// The class of character `low` of a block of 64.
#[inline]
const fn wide(block: usize, low: usize) -> Class {
    CLASS_BLOCKS[BLOCK_OF[block % INDEX] as usize][low % 64]
}

/// The class of a character of two bytes, from its UTF-8 bytes.
#[must_use]
#[inline]
pub const fn class_of_2(b0: u8, b1: u8) -> Class {
    wide((b0 & 0x1F) as usize, (b1 & 0x3F) as usize)
}

/// The class of a character of three bytes, from its UTF-8 bytes.
#[must_use]
#[inline]
pub const fn class_of_3(b0: u8, b1: u8, b2: u8) -> Class {
    wide(((b0 & 0x0F) as usize) << 6 | (b1 & 0x3F) as usize, (b2 & 0x3F) as usize)
}

/// The class of a character of four bytes, from its UTF-8 bytes.
#[must_use]
#[inline]
pub const fn class_of_4(b0: u8, b1: u8, b2: u8, b3: u8) -> Class {
    let block = ((b0 & 0x07) as usize) << 12 | ((b1 & 0x3F) as usize) << 6 | (b2 & 0x3F) as usize;
    wide(block, (b3 & 0x3F) as usize)
}

/// The class and the length in bytes of the character at `at`, which must be a character's first byte.
///
/// Bytes that are not UTF-8 give some class and a length of at least one that does not pass the end of the text.
///
/// # Panics
/// If `at` is not before the end of `text`.
#[must_use]
#[inline]
pub fn class_at(text: &[u8], at: usize) -> (Class, usize) {
    let b0 = text[at];
    if b0 < 0x80 {
        return (ASCII[b0 as usize], 1);
    }
    match *text.get(at + 1..).unwrap_or_default() {
        [b1, ..] if b0 < 0xE0 => (class_of_2(b0, b1), 2),
        [b1, b2, ..] if b0 < 0xF0 => (class_of_3(b0, b1, b2), 3),
        [b1, b2, b3, ..] => (class_of_4(b0, b1, b2, b3), 4),
        _ => (Class::Other, 1),
    }
}

/// The class and the length in bytes of the character that ends at `end`; the counterpart of [`class_at`].
///
/// # Panics
/// If `end` is 0 or beyond the end of `text`.
#[must_use]
#[inline]
pub fn class_before(text: &[u8], end: usize) -> (Class, usize) {
    let mut at = end - 1;
    while at > 0 && end - at < 4 && text[at] & 0xC0 == 0x80 {
        at -= 1;
    }
    (class_at(&text[..end], at).0, end - at)
}

/// The table itself, for scanners that derive their own from it.
pub(crate) mod blocks {
    pub(crate) use super::{BLOCK_OF as OF, BLOCKS as DISTINCT, CLASS_BLOCKS as CLASSES};
}

#[cfg(test)]
mod tests;
