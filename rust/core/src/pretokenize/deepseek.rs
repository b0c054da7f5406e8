//! The transitions of the DeepSeek-V3 family: three splits, one after the other.
//!
//! 1. `\p{N}{1,3}`
//! 2. `[一-龥぀-ゟ゠-ヿ]+`
//! 3. ASCII punctuation with ASCII letters, words, punctuation, blanks; text it does not match is a piece too.
//!
//! Each split sees every piece of the one before as a whole text, so where numbers or a run of the CJK ranges
//! begin or end, the third split sees the end of a text.

use crate::unicode::{Class, ClassSet};

use super::machine::{Ending, Family, Step};
use super::state::State;

/// The letters of a word.
const WORD: ClassSet = ClassSet::LETTER.or(ClassSet::MARK);
const ASCII_LETTER: ClassSet = ClassSet::ASCII_UPPER.or(ClassSet::ASCII_LOWER);

/// The DeepSeek-V3 family.
pub(super) struct DeepSeek;

/// What the first two splits make of a character.
#[derive(PartialEq)]
enum Segment {
    Numbers,
    Cjk,
    Rest,
}

const fn segment_of(class: Class) -> Segment {
    if ClassSet::NUMBER.has(class) {
        Segment::Numbers
    } else if ClassSet::CJK.has(class) {
        Segment::Cjk
    } else {
        Segment::Rest
    }
}

const fn segment_of_state(state: State) -> Segment {
    match state {
        State::Number1 | State::Number2 | State::NumberFull => Segment::Numbers,
        State::CjkWord | State::CjkPuncts | State::CjkGap | State::CjkGaps => Segment::Cjk,
        _ => Segment::Rest,
    }
}

/// The first character of a piece.
fn first(class: Class) -> Step {
    Step::to(match segment_of(class) {
        Segment::Numbers => State::Number1,
        Segment::Cjk if WORD.has(class) => State::CjkWord,
        Segment::Cjk if ClassSet::PUNCT.has(class) => State::CjkPuncts,
        Segment::Cjk => State::CjkGap,
        Segment::Rest if WORD.has(class) => State::Word,
        Segment::Rest if ClassSet::ASCII_PUNCT.has(class) => State::Punct,
        Segment::Rest if ClassSet::PUNCT.has(class) => State::Puncts,
        Segment::Rest if ClassSet::NEWLINE.has(class) => return Step::to(State::Newline).mark_after(),
        Segment::Rest if class == Class::Space => State::Space,
        Segment::Rest if ClassSet::WHITE.has(class) => State::White,
        Segment::Rest => State::Gap,
    })
}

fn begin(class: Class) -> Step {
    first(class).here()
}

/// After one blank that may be the first character of a word or of punctuation.
fn after_blank(space: bool, class: Class) -> Step {
    if WORD.has(class) {
        Step::to(State::Word)
    } else if space && ClassSet::PUNCT.has(class) {
        Step::to(State::Puncts)
    } else {
        begin(class)
    }
}

fn blanks(state: State, class: Class) -> Step {
    use State::{
        BlanksSpace, BlanksWhite, Newline, NewlineBlanksSpace, NewlineBlanksWhite, NewlineSpace, NewlineWhite,
    };
    if ClassSet::NEWLINE.has(class) {
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
        Newline => begin(class),
        BlanksSpace => after_blank(true, class).at_prev(),
        BlanksWhite => after_blank(false, class).at_prev(),
        NewlineSpace => after_blank(true, class).at_mark(),
        NewlineWhite => after_blank(false, class).at_mark(),
        NewlineBlanksSpace => after_blank(true, class).at_mark().at_prev(),
        NewlineBlanksWhite => after_blank(false, class).at_mark().at_prev(),
        _ => after_blank(state == State::Space, class),
    }
}

fn punct(state: State, class: Class) -> Step {
    match state {
        State::Punct | State::PunctWord if ASCII_LETTER.has(class) => Step::to(State::PunctWord),
        State::Punct | State::Puncts if ClassSet::PUNCT.has(class) => Step::to(State::Puncts),
        State::Punct | State::Puncts | State::PunctTail if ClassSet::NEWLINE.has(class) => Step::to(State::PunctTail),
        _ => begin(class),
    }
}

fn cjk(state: State, class: Class) -> Step {
    match state {
        State::CjkWord | State::CjkGap if WORD.has(class) => Step::to(State::CjkWord),
        State::CjkGaps if WORD.has(class) => Step::to(State::CjkWord).at_prev(),
        State::CjkGap | State::CjkGaps if ClassSet::OTHER.has(class) => Step::to(State::CjkGaps),
        State::CjkPuncts if ClassSet::PUNCT.has(class) => Step::to(State::CjkPuncts),
        _ => begin(class),
    }
}

impl Family for DeepSeek {
    fn step(&self, state: State, class: Class) -> Step {
        use State::{
            BlanksSpace, BlanksWhite, CjkGap, CjkGaps, CjkPuncts, CjkWord, Gap, Gaps, Newline, NewlineBlanksSpace,
            NewlineBlanksWhite, NewlineSpace, NewlineWhite, Number1, Number2, Punct, PunctTail, PunctWord, Puncts,
            Space, Start, White, Word,
        };
        if state != Start && segment_of_state(state) != segment_of(class) {
            return begin(class).ending(self.ending(state));
        }
        match state {
            Start => first(class),
            Number1 => Step::to(Number2),
            Number2 => Step::to(State::NumberFull),
            Word | Gap if WORD.has(class) => Step::to(Word),
            Gaps if WORD.has(class) => Step::to(Word).at_prev(),
            Gap | Gaps if ClassSet::OTHER.has(class) => Step::to(Gaps),
            Space | White | BlanksSpace | BlanksWhite | Newline | NewlineSpace | NewlineWhite | NewlineBlanksSpace
            | NewlineBlanksWhite => blanks(state, class),
            Punct | PunctWord | Puncts | PunctTail => punct(state, class),
            CjkWord | CjkPuncts | CjkGap | CjkGaps => cjk(state, class),
            // The remaining states are those of other families, or end with every character.
            _ => begin(class),
        }
    }

    fn ending(&self, state: State) -> Ending {
        match state {
            State::NewlineSpace | State::NewlineWhite | State::NewlineBlanksSpace | State::NewlineBlanksWhite => {
                Ending::AT_MARK
            }
            _ => Ending::NOTHING,
        }
    }
}
