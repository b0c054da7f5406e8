use super::{Class, ClassSet, class_at, class_before};

/// The sets as fancy-regex has them, each with the union of classes that stands for it.
const SETS: [(&str, ClassSet); 22] = [
    (r"\s", ClassSet::WHITE),
    (r"[\r\n]", ClassSet::NEWLINE),
    (r"\p{L}", ClassSet::LETTER),
    (r"[\p{Lu}\p{Lt}]", ClassSet::UPPER),
    (r"\p{Ll}", ClassSet::LOWER),
    (r"[\p{Lm}\p{Lo}]", ClassSet::CASELESS),
    (r"\p{M}", ClassSet::MARK),
    (r"\p{N}", ClassSet::NUMBER),
    (r"[\p{P}\p{S}]", ClassSet::PUNCT),
    (r"\p{Han}", ClassSet::HAN),
    (r"[一-龥぀-ゟ゠-ヿ]", ClassSet::CJK),
    (r"[^\s\p{L}\p{M}\p{N}\p{P}\p{S}]", ClassSet::OTHER),
    (r"[A-Z]", ClassSet::ASCII_UPPER),
    (r"[a-z]", ClassSet::ASCII_LOWER),
    (r"[[:punct:]&&[\x00-\x7f]]", ClassSet::ASCII_PUNCT),
    (r"[0-9]", Class::AsciiDigit.set()),
    (r"[dmst]", Class::LowerDmst.set()),
    (r"e", Class::LowerE.set()),
    (r"l", Class::LowerL.set()),
    (r"[rv]", Class::LowerRv.set()),
    (r"(?i:[dmst])", ClassSet::of(&[Class::LowerDmst, Class::UpperDmst, Class::LongS])),
    (r"(?i:[rv]|e|l)", {
        ClassSet::of(&[Class::LowerRv, Class::UpperRv, Class::LowerE, Class::UpperE, Class::LowerL, Class::UpperL])
    }),
];

#[test]
fn classes_equal_the_sets_of_the_regex_engine_on_every_scalar() {
    let text: String = ('\0'..=char::MAX).collect();
    for (pattern, set) in SETS {
        let regex = fancy_regex::Regex::new(pattern).expect(pattern);
        let mut expected = regex.find_iter(&text).map(|found| found.expect(pattern).start());
        let mut next = expected.next();
        for (at, c) in text.char_indices() {
            let inside = next == Some(at);
            if inside {
                next = expected.next();
            }
            assert_eq!(set.has(Class::of(c)), inside, "{pattern} on U+{:04X}", c as u32);
        }
    }
}

#[test]
fn classes_from_bytes_equal_classes_of_characters() {
    let mut buffer = [0; 4];
    for c in '\0'..=char::MAX {
        let bytes = c.encode_utf8(&mut buffer).as_bytes();
        assert_eq!(class_at(bytes, 0), (Class::of(c), bytes.len()));
        assert_eq!(class_before(bytes, bytes.len()), (Class::of(c), bytes.len()));
    }
}

#[test]
fn malformed_bytes_neither_panic_nor_pass_the_end() {
    for b0 in 0..=u8::MAX {
        for rest in [&[][..], &[0x80], &[0xFF, 0xFF], &[0x80, 0x80, 0xC3], b"abc"] {
            let text = [&[b0], rest].concat();
            let (_, len) = class_at(&text, 0);
            assert!(len >= 1 && len <= text.len());
            let (_, len) = class_before(&text, text.len());
            assert!(len >= 1 && len <= text.len());
        }
    }
}

#[test]
fn the_list_of_all_classes_is_in_order() {
    for (i, class) in Class::ALL.into_iter().enumerate() {
        assert_eq!(class as usize, i);
    }
}
