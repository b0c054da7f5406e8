use super::*;

fn encoding(strings: &[&str], words: &[u32]) -> Encoding {
    let ids: Vec<u32> = (0..).take(strings.len()).collect();
    let mut at = 0;
    let offsets = strings.iter().map(|string| {
        let start = at;
        at += u32::try_from(string.len()).expect("short");
        [start, at]
    });
    let offsets = offsets.collect();
    Encoding::of_text(ids, 0, Tokens::listed(strings.iter().copied()), words.to_vec(), offsets)
}

fn strings(encoding: &Encoding) -> Vec<String> {
    encoding.tokens().strings(encoding.ids()).into_iter().map(std::borrow::Cow::into_owned).collect()
}

#[test]
fn windows_cover_everything_from_either_side() {
    let five = encoding(&["a", "b", "c", "d", "e"], &[0, 1, 2, 3, 4]);
    let cut = |direction, stride| {
        let mut one = five.clone();
        assert!(one.truncate(2, stride, direction));
        let mut all = vec![strings(&one).concat()];
        all.extend(one.overflowing().iter().map(|part| strings(part).concat()));
        all
    };
    assert_eq!(cut(Direction::Right, 0), ["ab", "cd", "e"]);
    assert_eq!(cut(Direction::Right, 1), ["ab", "bc", "cd", "de"]);
    assert_eq!(cut(Direction::Left, 0), ["de", "bc", "a"]);
    assert_eq!(cut(Direction::Left, 1), ["de", "cd", "bc", "ab"]);
    assert!(!five.clone().truncate(2, 2, Direction::Right));
    let mut none = five.clone();
    assert!(none.truncate(0, 9, Direction::Right));
    assert_eq!((none.len(), none.overflowing().len()), (0, 1));
}

#[test]
fn padding_fills_every_array_and_moves_sequences() {
    let mut two = encoding(&["a", "b"], &[0, 1]);
    two.set_sequence_id(1);
    let pad = Pad { direction: Direction::Left, id: 9, type_id: 3, token: "[PAD]".into() };
    two.pad(4, &pad);
    assert_eq!(two.ids(), [9, 9, 0, 1]);
    assert_eq!(two.type_ids(), [3, 3, 0, 0]);
    assert_eq!(two.attention_mask(), [0, 0, 1, 1]);
    assert_eq!(two.special_tokens_mask(), [1, 1, 0, 0]);
    assert_eq!(strings(&two), ["[PAD]", "[PAD]", "a", "b"]);
    assert_eq!(two.sequences(), [(1, 2..4)]);
    assert_eq!(two.words(), [NO_WORD, NO_WORD, 0, 1]);
    two.pad(3, &pad);
    assert_eq!(two.len(), 4);
}

#[test]
fn merging_combines_what_was_cut_off() {
    let mut left = encoding(&["a", "b"], &[0, 1]);
    let mut right = encoding(&["c", "d"], &[0, 1]);
    assert!(left.truncate(1, 0, Direction::Right) && right.truncate(1, 0, Direction::Right));
    let merged = Encoding::merge([left, right], true);
    assert_eq!(strings(&merged).concat(), "ac");
    assert_eq!(merged.offsets(), [[0, 1], [1, 2]]);
    let parts: Vec<String> = merged.overflowing().iter().map(|part| strings(part).concat()).collect();
    assert_eq!(parts, ["bc", "bd", "ad"]);
}

#[test]
fn queries_answer_for_each_input() {
    let mut first = encoding(&["ab", "c"], &[0, 0]);
    first.set_sequence_id(0);
    let mut second = encoding(&["x", "yz"], &[0, 1]);
    second.set_sequence_id(1);
    let both = Encoding::merge([first, second], false);
    assert_eq!(both.n_sequences(), 2);
    assert_eq!(both.sequence_ids(), [Some(0), Some(0), Some(1), Some(1)]);
    assert_eq!(both.word_to_tokens(0, 0), Some((0, 2)));
    assert_eq!(both.word_to_tokens(1, 1), Some((3, 4)));
    assert_eq!(both.word_to_chars(0, 0), Some((0, 3)));
    assert_eq!(both.char_to_token(2, 0), Some(1));
    assert_eq!(both.char_to_token(2, 1), Some(3));
    assert_eq!(both.char_to_word(2, 1), Some(1));
    assert_eq!(both.token_to_word(9), None);
    assert_eq!(both.char_to_token(usize::MAX, 0), None);
}
