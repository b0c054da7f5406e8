//! Class bytes: what the scanners need to know of a character, one bit per kind.

use crate::unicode::{Class, ClassSet, blocks};

/// `[\p{Lu}\p{Lt}]`.
pub(super) const UPPER: u8 = 1;
/// `\p{Ll}`.
pub(super) const LOWER: u8 = 1 << 1;
/// `[\p{Lm}\p{Lo}]`.
pub(super) const CASELESS: u8 = 1 << 2;
/// `\p{M}`.
pub(super) const MARK: u8 = 1 << 3;
/// `\p{N}`.
pub(super) const NUMBER: u8 = 1 << 4;
/// `\s` other than `[\r\n]`.
pub(super) const WHITE: u8 = 1 << 5;
/// `[\r\n]`.
pub(super) const NEWLINE: u8 = 1 << 6;
/// `\p{L}`.
pub(super) const LETTER: u8 = UPPER | LOWER | CASELESS;
/// Kinds that no ASCII character is of.
pub(super) const BEYOND_ASCII: u8 = CASELESS | MARK | HAN;
/// How many kinds an alphabet can tell apart.
pub(super) const KINDS: usize = 8;

/// In tables of many characters: not all are of the same kinds. No character is of all kinds.
pub(super) const MIXED: u8 = u8::MAX;

/// A choice of kinds, all with [`NUMBER`], [`WHITE`] and [`NEWLINE`]. No ASCII character is of [`BEYOND_ASCII`]. A
/// character may be of several; one of none is what a family makes of the rest.
pub(super) trait Alphabet: Copy {
    /// Whether [`HAN`] is one of the kinds.
    const HAS_HAN: bool = false;
    /// The tables.
    const TABLES: &'static Tables;
    /// The masks of the ASCII characters of a block, by kind.
    fn ascii(ascii: &Ascii) -> [u64; KINDS];
}

/// The kinds above, for most families.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standard;

/// The same, and `\p{Han}`.
#[derive(Debug, Clone, Copy)]
pub(super) struct WithHan;

/// As [`Standard`], with the numbers of the `Digits` pre-tokenizer, which are a few more.
#[derive(Debug, Clone, Copy)]
pub(super) struct WithDigits;

/// `\p{Han}`, in [`WithHan`].
pub(super) const HAN: u8 = 1 << 7;

const fn standard(numbers: ClassSet, last: ClassSet) -> [ClassSet; KINDS] {
    let white = ClassSet::WHITE.minus(ClassSet::NEWLINE);
    let (upper, lower, caseless) = (ClassSet::UPPER, ClassSet::LOWER, ClassSet::CASELESS);
    [upper, lower, caseless, ClassSet::MARK, numbers, white, ClassSet::NEWLINE, last]
}

const fn standard_ascii(ascii: &Ascii) -> [u64; KINDS] {
    let (upper, lower) = (ascii.letters & !ascii.lower_case, ascii.letters & ascii.lower_case);
    [upper, lower, 0, 0, ascii.digits, ascii.white, ascii.newlines, 0]
}

impl Alphabet for Standard {
    const TABLES: &'static Tables = &Tables::new(&standard(ClassSet::NUMBER, ClassSet::NONE));

    #[inline(always)]
    fn ascii(ascii: &Ascii) -> [u64; KINDS] {
        standard_ascii(ascii)
    }
}

impl Alphabet for WithHan {
    const HAS_HAN: bool = true;
    const TABLES: &'static Tables = &Tables::new(&standard(ClassSet::NUMBER, ClassSet::HAN));

    #[inline(always)]
    fn ascii(ascii: &Ascii) -> [u64; KINDS] {
        standard_ascii(ascii)
    }
}

impl Alphabet for WithDigits {
    const TABLES: &'static Tables = &Tables::new(&standard(ClassSet::DIGITS, ClassSet::NONE));

    #[inline(always)]
    fn ascii(ascii: &Ascii) -> [u64; KINDS] {
        standard_ascii(ascii)
    }
}

/// The ASCII characters of a block, and where there are others.
pub(super) struct Ascii {
    pub(super) letters: u64,
    /// Where the bit is set that tells lower-case letters from upper-case ones; elsewhere it means nothing.
    pub(super) lower_case: u64,
    pub(super) digits: u64,
    /// Whitespace but for newlines.
    pub(super) white: u64,
    pub(super) newlines: u64,
    pub(super) blank: u64,
    pub(super) apostrophe: u64,
    pub(super) slash: u64,
    /// U+0020 to U+007E; of other bytes it means nothing.
    pub(super) printable: u64,
    /// Bytes above 0x7F.
    pub(super) wide: u64,
    /// Bytes with the bit that tells a character's first byte from the others above 0x7F; elsewhere it means nothing.
    pub(super) first: u64,
}

/// A table of 64 class bytes on its own cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Table(pub(super) [u8; 64]);

/// Class bytes, which have a bit for each kind that a character is of.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "some are read by the scanners for x86-64 alone"))]
pub(super) struct Tables {
    /// Those of the ASCII characters.
    pub(super) ascii: [Table; 2],
    /// By the low six bits of a byte from 0xC0 to 0xFF: the class byte of all characters that begin with it, or
    /// [`MIXED`].
    pub(super) leads: Table,
    /// By the low four bits of the first byte of a three-byte character, and the low six bits of its second byte: the
    /// class byte of all those characters, or [`MIXED`].
    pub(super) rows: [Table; 16],
    /// Those of each distinct block of 64 characters, as [`blocks::CLASSES`] numbers them.
    blocks: [Table; blocks::DISTINCT],
}

impl Tables {
    #[expect(clippy::large_stack_arrays, reason = "only run by the compiler")]
    pub(super) const fn new(kinds: &[ClassSet; KINDS]) -> Self {
        let mut blocks = [Table([0; 64]); blocks::DISTINCT];
        let mut block = 0;
        while block < blocks::DISTINCT {
            let mut i = 0;
            while i < 64 {
                blocks[block].0[i] = class_byte(kinds, blocks::CLASSES[block][i]);
                i += 1;
            }
            block += 1;
        }
        let mut rows = [Table([0; 64]); 16];
        let mut block = 0;
        while block < 16 * 64 {
            rows[block >> 6].0[block & 63] = common(&blocks[blocks::OF[block] as usize].0);
            block += 1;
        }
        let mut leads = Table([MIXED; 64]);
        let mut low = 0;
        while low < 0x30 {
            let two_bytes = low < 0x20;
            leads.0[low] = common(if two_bytes { &blocks[blocks::OF[low] as usize].0 } else { &rows[low & 15].0 });
            low += 1;
        }
        let ascii = [blocks[blocks::OF[0] as usize], blocks[blocks::OF[1] as usize]];
        Self { ascii, leads, rows, blocks }
    }

    /// The class bytes of the 64 characters that share all but the last byte with the one that begins with these
    /// bytes; bytes beyond the character's own do not matter. ASCII is not asked for.
    #[inline(always)]
    pub(super) fn block_of(&self, [b0, b1, b2]: [u8; 3]) -> &Table {
        // Not by `array::map`: it is not always inlined.
        let (b0, b1, b2) = (usize::from(b0), usize::from(b1), usize::from(b2));
        let block = if b0 < 0xE0 {
            b0 & 0x1F
        } else if b0 < 0xF0 {
            (b0 & 0x0F) << 6 | b1 & 0x3F
        } else {
            (b0 & 0x07) << 12 | (b1 & 0x3F) << 6 | b2 & 0x3F
        };
        &self.blocks[usize::from(blocks::OF[block])]
    }

    /// The class byte of the character beyond ASCII that begins with these bytes.
    #[inline(always)]
    pub(super) fn of(&self, [b0, b1, b2, b3]: [u8; 4]) -> u8 {
        let low = match length(b0) {
            ..=2 => b1,
            3 => b2,
            4.. => b3,
        };
        self.block_of([b0, b1, b2]).0[usize::from(low & 63)]
    }

    /// The class byte and the length of the character that begins `text`; (0, 0) for no text.
    #[inline]
    pub(super) fn first(&self, text: &[u8]) -> (u8, usize) {
        match *text {
            [] => (0, 0),
            [b0, ..] if b0 < 0x80 => (self.ascii[usize::from(b0 >> 6)].0[usize::from(b0 & 63)], 1),
            [b0, b1, ..] if b0 < 0xE0 => (self.of([b0, b1, 0, 0]), 2),
            [b0, b1, b2, ..] if b0 < 0xF0 => (self.of([b0, b1, b2, 0]), 3),
            [b0, b1, b2, b3, ..] => (self.of([b0, b1, b2, b3]), 4),
            _ => (0, 1),
        }
    }
}

/// The class byte of a class.
const fn class_byte(kinds: &[ClassSet; KINDS], class: Class) -> u8 {
    let mut byte = 0;
    let mut kind = 0;
    while kind < KINDS {
        if kinds[kind].has(class) {
            byte |= 1 << kind;
        }
        kind += 1;
    }
    byte
}

/// What all entries are, or [`MIXED`].
const fn common(entries: &[u8; 64]) -> u8 {
    let mut i = 1;
    while i < 64 {
        if entries[i] != entries[0] {
            return MIXED;
        }
        i += 1;
    }
    entries[0]
}

/// How many bytes a character has, by its first.
#[inline(always)]
pub(super) const fn length(b0: u8) -> usize {
    match b0 {
        0..0xC0 => 1,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0.. => 4,
    }
}
