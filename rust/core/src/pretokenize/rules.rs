//! The transitions of the families of GPT-2, cl100k, o200k and Kimi, as data and one set of rules.
//!
//! All their patterns are one alternation in the same order: contractions, words, numbers, punctuation,
//! whitespace. [`Rules`] says which form each alternative has.

use crate::unicode::{Class, ClassSet};

use super::machine::{Ending, Family, Step};
use super::state::State;

/// Where English contractions (`'s 't 're 've 'm 'll 'd`) are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Contractions {
    /// Nowhere.
    Never,
    /// They are pieces: `(?i:'s|'t|...)` as the first alternative.
    Piece {
        /// Whether case is ignored.
        caseless: bool,
    },
    /// They belong to the word before: `(?i:'s|'t|...)?` at the end of each word.
    Suffix,
}

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Words {
    /// One or more of a set: `\p{L}+`.
    Run(ClassSet),
    /// `[upper both]*[lower both]+|[upper both]+[lower both]*`.
    Cased {
        /// `[\p{Lm}\p{Lo}\p{M}]`, with or without Han characters.
        both: ClassSet,
    },
}

impl Words {
    const fn set(self) -> ClassSet {
        match self {
            Self::Run(set) => set,
            Self::Cased { both } => both.or(ClassSet::UPPER).or(ClassSet::LOWER),
        }
    }
}

/// The form of each alternative of a pattern.
#[allow(clippy::struct_excessive_bools, reason = "each is an alternative that a pattern has or has not")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Rules {
    pub(super) contractions: Contractions,
    /// Whether `[\p{Han}]+` comes before all else.
    pub(super) han_runs: bool,
    pub(super) words: Words,
    /// The characters of which one may come before a word's letters.
    pub(super) word_prefix: ClassSet,
    /// What counts as a number.
    pub(super) numbers: ClassSet,
    /// How many numbers a piece holds at most, up to 3; 0 if there is no limit.
    pub(super) number_run: u8,
    /// Whether a space may come before numbers.
    pub(super) number_space: bool,
    /// Whether numbers are split off first, so that the rest never sees them.
    pub(super) number_split: bool,
    /// What counts as punctuation; a space may come before it.
    pub(super) punct: ClassSet,
    /// What may follow punctuation in the same piece.
    pub(super) punct_tail: ClassSet,
    /// Whether blanks end a piece at their last line break: `\s*[\r\n]+`.
    pub(super) newlines: bool,
    /// Whether blanks at the end of the text are one piece even so: `\s++$` before that.
    pub(super) last_blanks: bool,
}

impl Rules {
    /// The first character of a piece.
    fn first(&self, class: Class) -> Step {
        Step::to(if self.han_runs && ClassSet::HAN.has(class) {
            State::Han
        } else if self.words.set().has(class) {
            return self.first_letter(class);
        } else if self.numbers.has(class) {
            return self.first_number();
        } else if self.newlines && ClassSet::NEWLINE.has(class) {
            return Step::to(State::Newline).mark_after();
        } else if class == Class::Space {
            State::Space
        } else if ClassSet::WHITE.has(class) {
            State::White
        } else if class == Class::Apostrophe && matches!(self.contractions, Contractions::Piece { .. }) {
            State::Apostrophe
        } else {
            self.first_punct(class)
        })
    }

    /// The first character of a piece, which settles that the piece before has ended.
    fn begin(&self, class: Class) -> Step {
        self.first(class).here()
    }

    fn first_letter(&self, class: Class) -> Step {
        match self.words {
            Words::Run(_) => Step::to(State::Word),
            Words::Cased { .. } if ClassSet::UPPER.has(class) => Step::to(State::Upper),
            Words::Cased { .. } if ClassSet::LOWER.has(class) => Step::to(State::Lower),
            Words::Cased { .. } => Step::to(State::Caseless).mark_after(),
        }
    }

    const fn first_number(&self) -> Step {
        Step::to(match self.number_run {
            0 => State::Numbers,
            1 => State::NumberFull,
            2 => State::Number2,
            _ => State::Number1,
        })
    }

    fn first_punct(&self, class: Class) -> State {
        if self.word_prefix.has(class) { State::Punct } else { State::Puncts }
    }

    /// After one blank that may be the first character of something longer.
    fn after_blank(&self, state: State, class: Class) -> Step {
        let blank = if state == State::Space { Class::Space } else { Class::White };
        if self.words.set().has(class) && self.word_prefix.has(blank) {
            self.first_letter(class)
        } else if blank == Class::Space && self.punct.has(class) {
            Step::to(State::Puncts)
        } else if blank == Class::Space && self.number_space && self.numbers.has(class) {
            self.first_number()
        } else {
            self.begin(class)
        }
    }

    /// Within a run of blanks.
    fn blanks(&self, state: State, class: Class) -> Step {
        use State::{
            BlanksSpace, BlanksWhite, Newline, NewlineBlanksSpace, NewlineBlanksWhite, NewlineSpace, NewlineWhite,
            Space, White,
        };
        if self.newlines && ClassSet::NEWLINE.has(class) {
            return Step::to(Newline).mark_after();
        }
        let blank = ClassSet::WHITE.has(class);
        let space = class == Class::Space;
        match state {
            Newline if blank => Step::to(if space { NewlineSpace } else { NewlineWhite }),
            NewlineSpace | NewlineWhite | NewlineBlanksSpace | NewlineBlanksWhite if blank => {
                Step::to(if space { NewlineBlanksSpace } else { NewlineBlanksWhite })
            }
            _ if blank => Step::to(if space { BlanksSpace } else { BlanksWhite }),
            BlanksSpace => self.after_blank(Space, class).at_prev(),
            BlanksWhite => self.after_blank(White, class).at_prev(),
            NewlineSpace => self.after_blank(Space, class).at_mark(),
            NewlineWhite => self.after_blank(White, class).at_mark(),
            NewlineBlanksSpace => self.after_blank(Space, class).at_mark().at_prev(),
            NewlineBlanksWhite => self.after_blank(White, class).at_mark().at_prev(),
            Newline => self.begin(class),
            _ => self.after_blank(state, class),
        }
    }

    /// Within a word.
    ///
    /// Of `[UX]*[LX]+|[UX]+[LX]*` the first alternative that matches wins, so a run of `U` and `X` that no `L`
    /// follows ends after its last `X`, if it has one.
    fn word(&self, state: State, class: Class) -> Step {
        let Words::Cased { both } = self.words else {
            return if self.words.set().has(class) { Step::to(State::Word) } else { self.end_word(class) };
        };
        if ClassSet::LOWER.has(class) || state == State::Lower && both.has(class) {
            return Step::to(State::Lower);
        }
        match state {
            State::Lower => self.end_word(class),
            _ if both.has(class) => Step::to(State::Caseless).mark_after(),
            State::Upper if ClassSet::UPPER.has(class) => Step::to(State::Upper),
            _ if ClassSet::UPPER.has(class) => Step::to(State::CaselessUpper),
            State::CaselessUpper => self.end_word(class).at_mark(),
            _ => self.end_word(class),
        }
    }

    fn end_word(&self, class: Class) -> Step {
        if class == Class::Apostrophe && self.contractions == Contractions::Suffix {
            Step::to(State::WordApostrophe).mark_here()
        } else {
            self.begin(class)
        }
    }

    fn number(&self, state: State, class: Class) -> Step {
        if !self.numbers.has(class) {
            return self.begin(class);
        }
        match state {
            State::Numbers => Step::to(State::Numbers),
            State::Number1 => Step::to(State::Number2),
            State::Number2 => Step::to(State::NumberFull),
            _ => self.begin(class),
        }
    }

    fn punct(&self, state: State, class: Class) -> Step {
        if state == State::Punct && self.words.set().has(class) {
            self.first_letter(class)
        } else if state != State::PunctTail && self.punct.has(class) {
            Step::to(State::Puncts)
        } else if self.punct_tail.has(class) {
            Step::to(State::PunctTail)
        } else {
            self.begin(class)
        }
    }

    /// After an apostrophe at the start of a piece, or after a word.
    fn apostrophe(&self, state: State, class: Class) -> Step {
        let caseless = self.contractions != Contractions::Piece { caseless: false };
        let after_word = state == State::WordApostrophe;
        let (rv, l, upper_rv, upper_l) = if after_word {
            use State::{WordApostropheL, WordApostropheRv, WordApostropheUpperL, WordApostropheUpperRv};
            (WordApostropheRv, WordApostropheL, WordApostropheUpperRv, WordApostropheUpperL)
        } else {
            use State::{ApostropheL, ApostropheRv, ApostropheUpperL, ApostropheUpperRv};
            (ApostropheRv, ApostropheL, ApostropheUpperRv, ApostropheUpperL)
        };
        match class {
            Class::LowerDmst => Step::to(State::Done),
            Class::UpperDmst | Class::LongS if caseless => Step::to(State::Done),
            Class::LowerRv => Step::to(rv),
            Class::LowerL => Step::to(l),
            Class::UpperRv if caseless => Step::to(upper_rv),
            Class::UpperL if caseless => Step::to(upper_l),
            _ => {
                // No contraction: an apostrophe as any other.
                let step = self.punct(self.first_punct(Class::Apostrophe), class);
                if after_word { step.at_mark() } else { step }
            }
        }
    }

    /// After an apostrophe and the first of two letters.
    fn contraction(&self, state: State, class: Class) -> Step {
        use State::{
            ApostropheL, ApostropheRv, ApostropheUpperL, ApostropheUpperRv, Word, WordApostropheL,
            WordApostropheUpperL, WordApostropheUpperRv,
        };
        let caseless = self.contractions != Contractions::Piece { caseless: false };
        let wants_l = matches!(state, ApostropheL | ApostropheUpperL | WordApostropheL | WordApostropheUpperL);
        match class {
            Class::LowerE if !wants_l => return Step::to(State::Done),
            Class::UpperE if !wants_l && caseless => return Step::to(State::Done),
            Class::LowerL if wants_l => return Step::to(State::Done),
            Class::UpperL if wants_l && caseless => return Step::to(State::Done),
            _ => {}
        }
        // No contraction: a letter as any other, after an apostrophe that is its prefix or a piece.
        let upper =
            matches!(state, ApostropheUpperRv | ApostropheUpperL | WordApostropheUpperRv | WordApostropheUpperL);
        let step = match (self.words, upper) {
            (Words::Run(_), _) => self.word(Word, class),
            (Words::Cased { .. }, true) => self.word(State::Upper, class),
            (Words::Cased { .. }, false) => self.word(State::Lower, class),
        };
        if !matches!(state, ApostropheRv | ApostropheL | ApostropheUpperRv | ApostropheUpperL) {
            step.at_mark()
        } else if self.word_prefix.has(Class::Apostrophe) {
            step
        } else {
            step.at_prev()
        }
    }
}

impl Family for Rules {
    fn step(&self, state: State, class: Class) -> Step {
        use State::{
            Apostrophe, ApostropheL, ApostropheRv, ApostropheUpperL, ApostropheUpperRv, BlanksSpace, BlanksWhite,
            Caseless, CaselessUpper, Han, Lower, Newline, NewlineBlanksSpace, NewlineBlanksWhite, NewlineSpace,
            NewlineWhite, Number1, Number2, NumberFull, Numbers, Punct, PunctTail, Puncts, Space, Start, Upper, White,
            Word, WordApostrophe, WordApostropheL, WordApostropheRv, WordApostropheUpperL, WordApostropheUpperRv,
        };
        let in_numbers = matches!(state, Start | Number1 | Number2 | NumberFull | Numbers);
        if self.number_split && !in_numbers && self.numbers.has(class) {
            return self.begin(class).ending(self.ending(state));
        }
        match state {
            Start => self.first(class),
            Space | White | BlanksSpace | BlanksWhite | Newline | NewlineSpace | NewlineWhite | NewlineBlanksSpace
            | NewlineBlanksWhite => self.blanks(state, class),
            Word | Upper | Caseless | CaselessUpper | Lower => self.word(state, class),
            Han if ClassSet::HAN.has(class) => Step::to(Han),
            Number1 | Number2 | NumberFull | Numbers => self.number(state, class),
            Punct | Puncts | PunctTail => self.punct(state, class),
            Apostrophe | WordApostrophe => self.apostrophe(state, class),
            ApostropheRv
            | ApostropheL
            | ApostropheUpperRv
            | ApostropheUpperL
            | WordApostropheRv
            | WordApostropheL
            | WordApostropheUpperRv
            | WordApostropheUpperL => self.contraction(state, class),
            // A complete piece, and the states of other families.
            _ => self.begin(class),
        }
    }

    fn ending(&self, state: State) -> Ending {
        use State::{
            ApostropheL, ApostropheRv, ApostropheUpperL, ApostropheUpperRv, CaselessUpper, NewlineBlanksSpace,
            NewlineBlanksWhite, NewlineSpace, NewlineWhite, WordApostrophe, WordApostropheL, WordApostropheRv,
            WordApostropheUpperL, WordApostropheUpperRv,
        };
        match state {
            NewlineSpace | NewlineWhite | NewlineBlanksSpace | NewlineBlanksWhite if !self.last_blanks => {
                Ending::AT_MARK
            }
            CaselessUpper
            | WordApostrophe
            | WordApostropheRv
            | WordApostropheL
            | WordApostropheUpperRv
            | WordApostropheUpperL => Ending::AT_MARK,
            ApostropheRv | ApostropheL | ApostropheUpperRv | ApostropheUpperL
                if !self.word_prefix.has(Class::Apostrophe) =>
            {
                Ending::AT_PREV
            }
            _ => Ending::NOTHING,
        }
    }
}
