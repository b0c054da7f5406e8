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
/// How many kinds there are; a class byte is below `1 << KINDS`, and 0 stands for everything else.
pub(super) const KINDS: usize = 7;

/// In [`LEADS`] and [`ROWS`]: not all characters that begin so are of one kind.
pub(super) const MIXED: u8 = 1 << 7;

/// The class byte of a class.
const fn class_byte(class: Class) -> u8 {
    const KIND_SETS: [(ClassSet, u8); KINDS] = [
        (ClassSet::UPPER, UPPER),
        (ClassSet::LOWER, LOWER),
        (ClassSet::CASELESS, CASELESS),
        (ClassSet::MARK, MARK),
        (ClassSet::NUMBER, NUMBER),
        (ClassSet::WHITE.minus(ClassSet::NEWLINE), WHITE),
        (ClassSet::NEWLINE, NEWLINE),
    ];
    let mut i = 0;
    while i < KINDS {
        if KIND_SETS[i].0.has(class) {
            return KIND_SETS[i].1;
        }
        i += 1;
    }
    0
}

/// A table of 64 class bytes on its own cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Table(pub(super) [u8; 64]);

/// The class bytes of each distinct block of 64 characters, as [`blocks::CLASSES`] numbers them.
static BLOCKS: [Table; blocks::DISTINCT] = {
    let mut tables = [Table([0; 64]); blocks::DISTINCT];
    let mut block = 0;
    while block < blocks::DISTINCT {
        let mut i = 0;
        while i < 64 {
            tables[block].0[i] = class_byte(blocks::CLASSES[block][i]);
            i += 1;
        }
        block += 1;
    }
    tables
};

/// The class bytes of the ASCII characters.
pub(super) static ASCII: [Table; 2] = [BLOCKS[blocks::OF[0] as usize], BLOCKS[blocks::OF[1] as usize]];

/// By the low four bits of the first byte of a three-byte character, and the low six bits of its second byte:
/// the class byte of all those characters, or [`MIXED`].
pub(super) static ROWS: [Table; 16] = {
    let mut rows = [Table([0; 64]); 16];
    let mut block = 0;
    while block < 16 * 64 {
        rows[block >> 6].0[block & 63] = common(&BLOCKS[blocks::OF[block] as usize].0);
        block += 1;
    }
    rows
};

/// By the low six bits of a byte from 0xC0 to 0xFF: the class byte of all characters that begin with it, or [`MIXED`].
pub(super) static LEADS: Table = {
    let mut leads = Table([MIXED; 64]);
    let mut low = 0;
    while low < 64 {
        if low < 0x20 {
            leads.0[low] = common(&BLOCKS[blocks::OF[low] as usize].0);
        } else if low < 0x30 {
            leads.0[low] = common(&ROWS[low & 15].0);
        }
        low += 1;
    }
    leads
};

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

/// The class bytes of the 64 characters that share all but the last byte with the one that begins with these
/// bytes; bytes beyond the character's own do not matter. ASCII is not asked for.
#[inline(always)]
pub(super) fn block_of([b0, b1, b2]: [u8; 3]) -> &'static Table {
    // Not by `array::map`: it is not always inlined.
    let (b0, b1, b2) = (usize::from(b0), usize::from(b1), usize::from(b2));
    let block = if b0 < 0xE0 {
        b0 & 0x1F
    } else if b0 < 0xF0 {
        (b0 & 0x0F) << 6 | b1 & 0x3F
    } else {
        (b0 & 0x07) << 12 | (b1 & 0x3F) << 6 | b2 & 0x3F
    };
    &BLOCKS[usize::from(blocks::OF[block])]
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

/// The class byte of the character beyond ASCII that begins with these bytes.
#[inline(always)]
pub(super) fn of([b0, b1, b2, b3]: [u8; 4]) -> u8 {
    let low = match length(b0) {
        ..=2 => b1,
        3 => b2,
        4.. => b3,
    };
    block_of([b0, b1, b2]).0[usize::from(low & 63)]
}

/// The class byte and the length of the character that begins `text`; (0, 0) for no text.
#[inline]
pub(super) fn first(text: &[u8]) -> (u8, usize) {
    match *text {
        [] => (0, 0),
        [b0, ..] if b0 < 0x80 => (ASCII[usize::from(b0 >> 6)].0[usize::from(b0 & 63)], 1),
        [b0, b1, ..] if b0 < 0xE0 => (of([b0, b1, 0, 0]), 2),
        [b0, b1, b2, ..] if b0 < 0xF0 => (of([b0, b1, b2, 0]), 3),
        [b0, b1, b2, b3, ..] => (of([b0, b1, b2, b3]), 4),
        _ => (0, 1),
    }
}
