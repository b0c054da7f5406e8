//! Byte-pair encoding against the definition: repeatedly merge the leftmost pair of lowest rank.

use crate::input::Input;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use tokengrove::bpe::{Bpe, Scratch};
use tokengrove::spec::{BpeSpec, MergeRule, Symbols, TokenTable};

const MAX_TOKENS: usize = 96;
const MAX_TEXT: usize = 512;
const MAX_TOKEN_BYTES: usize = 200;

/// A vocabulary of the 256 bytes and of tokens that the input makes by joining earlier ones, or makes up.
fn vocabulary(input: &mut Input<'_>) -> Vec<Vec<u8>> {
    let mut tokens: Vec<Vec<u8>> = (0..=255u8).map(|byte| vec![byte]).collect();
    for _ in 0..input.below(MAX_TOKENS) {
        let mut token = tokens[input.below(tokens.len())].clone();
        token.extend_from_slice(&tokens[input.below(tokens.len())].clone());
        if input.byte() == 0 {
            // Not the product of two tokens, so perhaps never produced by merging.
            token.extend([input.byte(), input.byte()]);
        }
        if token.len() <= MAX_TOKEN_BYTES && !tokens.contains(&token) {
            tokens.push(token);
        }
    }
    tokens
}

/// The definition, as slow as it reads.
fn merge(piece: &[u8], ranks: &HashMap<&[u8], u32>) -> Vec<u32> {
    let mut ends: Vec<usize> = (1..=piece.len()).collect();
    let start = |ends: &[usize], part: usize| if part == 0 { 0 } else { ends[part - 1] };
    loop {
        let best = (1..ends.len())
            .filter_map(|part| ranks.get(&piece[start(&ends, part - 1)..ends[part]]).map(|&rank| (rank, part - 1)))
            .min();
        let Some((_, left)) = best else { break };
        ends.remove(left);
    }
    (0..ends.len()).map(|part| ranks[&piece[start(&ends, part)..ends[part]]]).collect()
}

/// The model of a vocabulary, from a few hundred remembered ones: building one costs far more than encoding a line, and
/// most mutations of an input leave its vocabulary as it was.
fn model(tokens: &[Vec<u8>]) -> Rc<Bpe> {
    const REMEMBERED: usize = 256;
    thread_local! {
        static MODELS: RefCell<HashMap<Vec<Vec<u8>>, Rc<Bpe>>> = RefCell::default();
    }
    MODELS.with_borrow_mut(|models| {
        if let Some(model) = models.get(tokens) {
            return Rc::clone(model);
        }
        if models.len() == REMEMBERED {
            models.clear();
        }
        let mut table = TokenTable::default();
        for (token, id) in tokens.iter().zip(0u32..) {
            table.push(token, id);
        }
        let spec = BpeSpec { tokens: table, merges: MergeRule::Ranks, symbols: Symbols::Bytes, ignore_merges: false };
        let model = Rc::new(Bpe::new(&spec).expect("all bytes are tokens"));
        models.insert(tokens.to_vec(), Rc::clone(&model));
        model
    })
}

/// Encodes the lines of a text with one vocabulary, each twice with the same working memory.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let tokens = vocabulary(&mut input);
    let ranks: HashMap<&[u8], u32> = tokens.iter().map(Vec::as_slice).zip(0u32..).collect();
    let bpe = model(&tokens);

    let mut scratch = Scratch::default();
    for piece in input.rest(MAX_TEXT).split(|&byte| byte == b'\n') {
        let expected = match ranks.get(piece) {
            // tiktoken looks a whole piece up before it merges.
            Some(&id) => vec![id],
            None => merge(piece, &ranks),
        };
        for round in ["cold", "warm"] {
            let mut ids = Vec::new();
            bpe.encode_piece(piece, &mut scratch, &mut ids);
            assert_eq!(ids, expected, "{round}");
        }
    }
}
