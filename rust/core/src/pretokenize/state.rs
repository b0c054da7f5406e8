//! The states of the scalar automata: what the piece being read can be.

/// What the text since the start of the current piece can be. Not every family reaches every state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    /// Nothing has been read.
    Start,
    /// A piece is complete; the next character starts another.
    Done,
    /// One U+0020, which may be the first character of a word, number or punctuation.
    Space,
    /// One other blank that is no line break, which may be the first character of a word.
    White,
    /// Two blanks or more, no line break among them, the last a space.
    BlanksSpace,
    /// The same, the last not a space.
    BlanksWhite,
    /// Blanks that end with a line break; the mark is after it.
    Newline,
    /// Blanks, the last line break (mark after it), one space.
    NewlineSpace,
    /// Blanks, the last line break (mark after it), one other blank.
    NewlineWhite,
    /// Blanks, the last line break (mark after it), two blanks or more, the last a space.
    NewlineBlanksSpace,
    /// The same, the last not a space.
    NewlineBlanksWhite,
    /// A word whose letters' case does not matter.
    Word,
    /// A word of upper-case letters.
    Upper,
    /// A word of upper-case and caseless letters, ending with a caseless one; the mark is after it.
    Caseless,
    /// As `Caseless`, then upper-case letters: a word that ends here would end at the mark.
    CaselessUpper,
    /// A word that has come to its lower-case part.
    Lower,
    /// A run of Han characters.
    Han,
    /// One number, and more may follow.
    Number1,
    /// Two numbers.
    Number2,
    /// As many numbers as a piece may hold.
    NumberFull,
    /// Any count of numbers.
    Numbers,
    /// One character of punctuation, which may be the first character of a word.
    Punct,
    /// Punctuation that is no word's first character.
    Puncts,
    /// Punctuation and the line breaks that belong to it.
    PunctTail,
    /// An apostrophe at the start of a piece, where a contraction may begin.
    Apostrophe,
    /// An apostrophe and `r` or `v`.
    ApostropheRv,
    /// An apostrophe and `l`.
    ApostropheL,
    /// An apostrophe and `R` or `V`.
    ApostropheUpperRv,
    /// An apostrophe and `L`.
    ApostropheUpperL,
    /// A word and an apostrophe, before which the mark is.
    WordApostrophe,
    /// A word, an apostrophe (mark before it) and `r` or `v`.
    WordApostropheRv,
    /// A word, an apostrophe (mark before it) and `l`.
    WordApostropheL,
    /// A word, an apostrophe (mark before it) and `R` or `V`.
    WordApostropheUpperRv,
    /// A word, an apostrophe (mark before it) and `L`.
    WordApostropheUpperL,
    /// One character of ASCII punctuation and ASCII letters.
    PunctWord,
    /// One character that no alternative matches alone, but that may be the first of a word.
    Gap,
    /// Several such characters.
    Gaps,
    /// As `Word`, within a run of the CJK ranges.
    CjkWord,
    /// As `Puncts`, within a run of the CJK ranges.
    CjkPuncts,
    /// As `Gap`, within a run of the CJK ranges.
    CjkGap,
    /// As `Gaps`, within a run of the CJK ranges.
    CjkGaps,
}

impl State {
    /// Every state.
    pub(super) const ALL: [Self; 41] = [
        Self::Start,
        Self::Done,
        Self::Space,
        Self::White,
        Self::BlanksSpace,
        Self::BlanksWhite,
        Self::Newline,
        Self::NewlineSpace,
        Self::NewlineWhite,
        Self::NewlineBlanksSpace,
        Self::NewlineBlanksWhite,
        Self::Word,
        Self::Upper,
        Self::Caseless,
        Self::CaselessUpper,
        Self::Lower,
        Self::Han,
        Self::Number1,
        Self::Number2,
        Self::NumberFull,
        Self::Numbers,
        Self::Punct,
        Self::Puncts,
        Self::PunctTail,
        Self::Apostrophe,
        Self::ApostropheRv,
        Self::ApostropheL,
        Self::ApostropheUpperRv,
        Self::ApostropheUpperL,
        Self::WordApostrophe,
        Self::WordApostropheRv,
        Self::WordApostropheL,
        Self::WordApostropheUpperRv,
        Self::WordApostropheUpperL,
        Self::PunctWord,
        Self::Gap,
        Self::Gaps,
        Self::CjkWord,
        Self::CjkPuncts,
        Self::CjkGap,
        Self::CjkGaps,
    ];
}
