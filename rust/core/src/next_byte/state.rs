//! All covers of some bytes, with their mass, for any number of futures.

use super::END;
use super::error::LogitsError;
use super::row::{Logit, Row};
use super::vocabulary::{ByteVocab, Mode};
use crate::cover::{CoverTree, Reading};
use crate::trie::ROOT;
use std::sync::Arc;

/// A history of tokens; histories with a common beginning share it.
#[derive(Debug)]
struct Node {
    parent: Option<Arc<Node>>,
    id: u32,
    depth: usize,
    /// In modes in which only valid sequences count.
    reading: Option<Reading>,
}

impl Drop for Node {
    /// Drops a long chain without a call for each link.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(node) = parent {
            match Arc::into_inner(node) {
                Some(mut node) => parent = node.parent.take(),
                None => return,
            }
        }
    }
}

/// A history and what of the text its next token has begun to spell.
#[derive(Debug, Clone)]
struct Head {
    node: Arc<Node>,
    log_weight: f64,
    known: Known,
}

/// Whether the model has been asked about a history.
#[derive(Debug, Clone)]
enum Known {
    /// What it says, and the trie node that the bytes since the history lead to.
    Row(Arc<Row>, u32),
    /// Not yet; the bytes since the history.
    Nothing(Vec<u8>),
}

/// Makes the state after a text from the nodes of its cover tree.
#[derive(Debug)]
pub(super) struct StateBuilder {
    /// By node, the empty sequence first: what has been added.
    nodes: Vec<Option<Arc<Node>>>,
    heads: Vec<Head>,
}

impl StateBuilder {
    pub(super) fn new(nodes: usize) -> Self {
        Self { nodes: vec![None; nodes + 1], heads: Vec::new() }
    }

    /// Adds a node, after its parent; with what its row says and the trie node that its next token has come to, if that goes on
    /// at the end of the text.
    pub(super) fn add(
        &mut self,
        tree: &CoverTree,
        node: Option<usize>,
        log_weight: f64,
        open: Option<(u32, Arc<Row>)>,
    ) {
        let place = |node: Option<usize>| node.map_or(0, |node| node + 1);
        let parent = node.and_then(|node| self.nodes[place(tree.parent(node))].clone());
        let depth = parent.as_ref().map_or(0, |parent| parent.depth + 1);
        let id = node.and_then(|node| tree.token(node)).unwrap_or(0);
        let made = Arc::new(Node { parent, id, depth, reading: tree.reading(node).cloned() });
        self.nodes[place(node)] = Some(Arc::clone(&made));
        if let Some((at, row)) = open
            && log_weight > f64::NEG_INFINITY
        {
            self.heads.push(Head { node: made, log_weight, known: Known::Row(row, at) });
        }
    }

    pub(super) fn finish(self, vocab: Arc<ByteVocab>) -> ByteState {
        ByteState { vocab, heads: self.heads, conditionals: 0.0, forgotten: f64::NEG_INFINITY }
    }
}

/// A cover: a token sequence that spells the text, its last token perhaps more.
#[derive(Debug, Clone, PartialEq)]
pub struct Cover {
    /// The tokens.
    pub ids: Vec<u32>,
    /// Logarithm of its share of all covers.
    pub log_share: f64,
}

/// All covers of some bytes; immutable, and cheap to copy.
///
/// Bundles whose history the model has not been asked about are *pending*: [`ByteState::pending`] names those worth asking
/// about, [`ByteState::path`] gives their tokens, [`ByteState::resolve`] takes the answers. Those never asked about are
/// [`ByteState::unresolved_mass`], which bounds the error of every probability given.
#[derive(Debug, Clone)]
pub struct ByteState {
    vocab: Arc<ByteVocab>,
    heads: Vec<Head>,
    /// Sum of the conditional logarithms so far, for the mode in which that is not the logarithm of the mass.
    conditionals: f64,
    /// Logarithm of the weights of bundles that were pending and have been forgotten.
    forgotten: f64,
}

impl ByteState {
    /// No bytes yet.
    #[must_use]
    pub fn start(vocab: Arc<ByteVocab>) -> Self {
        let reading = vocab.rules().map(|rules| rules.start());
        let node = Arc::new(Node { parent: None, id: 0, depth: 0, reading });
        let head = Head { node, log_weight: 0.0, known: Known::Nothing(Vec::new()) };
        Self { vocab, heads: vec![head], conditionals: 0.0, forgotten: f64::NEG_INFINITY }
    }

    /// The vocabulary.
    #[must_use]
    pub const fn vocab(&self) -> &Arc<ByteVocab> {
        &self.vocab
    }

    /// How many bundles there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether no token sequence spells the bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// The tokens of a bundle's history.
    ///
    /// # Panics
    /// If there is no such bundle.
    #[must_use]
    pub fn path(&self, bundle: usize) -> Vec<u32> {
        let mut node = &self.heads[bundle].node;
        let mut ids = Vec::with_capacity(node.depth);
        while let Some(parent) = &node.parent {
            ids.push(node.id);
            node = parent;
        }
        ids.reverse();
        ids
    }

    /// The tokens that all histories begin with: whatever follows, they stay.
    #[must_use]
    pub fn trunk(&self) -> Vec<u32> {
        let mut common = if self.heads.is_empty() { Vec::new() } else { self.path(0) };
        for bundle in 1..self.heads.len() {
            let path = self.path(bundle);
            let same = common.iter().zip(&path).take_while(|(a, b)| a == b).count();
            common.truncate(same);
        }
        common
    }

    /// The bundles to ask the model about so that what stays unresolved is at most `eps` of all, heaviest first; at most
    /// `most` of them.
    #[must_use]
    pub fn pending(&self, eps: f64, most: usize) -> Vec<usize> {
        let shift = self.largest_weight();
        let weight = |head: &Head| (head.log_weight - shift).exp();
        let mut open: Vec<(f64, usize)> = self
            .heads
            .iter()
            .enumerate()
            .filter(|(_, head)| matches!(head.known, Known::Nothing(_)))
            .map(|(at, head)| (weight(head), at))
            .collect();
        open.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let resolved: f64 = self.heads.iter().map(|head| weight(head) * self.share(head)).sum();
        let mut light = (self.forgotten - shift).exp();
        let all = resolved + light + open.iter().map(|one| one.0).sum::<f64>();
        while let Some(&(weight, _)) = open.last() {
            light += weight;
            if light > eps * all || all == 0.0 {
                break;
            }
            open.pop();
        }
        open.truncate(most);
        open.into_iter().map(|one| one.1).collect()
    }

    /// The part of a resolved bundle's weight that still spells the text; 0 for those unresolved.
    fn share(&self, head: &Head) -> f64 {
        match &head.known {
            Known::Row(row, ROOT) => row.total(),
            Known::Row(row, at) => row.mass(self.vocab.trie().longer(*at)),
            Known::Nothing(_) => 0.0,
        }
    }

    fn largest_weight(&self) -> f64 {
        let largest = self.heads.iter().map(|head| head.log_weight).fold(self.forgotten, f64::max);
        if largest.is_finite() { largest } else { 0.0 }
    }

    /// Reads the logits after a bundle's history.
    ///
    /// # Errors
    /// As [`Row::new`].
    ///
    /// # Panics
    /// If there is no such bundle.
    pub fn row<T: Logit>(&self, bundle: usize, logits: &[T]) -> Result<Row, LogitsError> {
        Row::new(&self.vocab, self.heads[bundle].node.reading.as_ref(), logits)
    }

    /// Takes what the model says about some bundles.
    ///
    /// # Panics
    /// If there is no such bundle.
    #[must_use]
    pub fn resolve(&self, rows: Vec<(usize, Row)>) -> Self {
        let mut heads = self.heads.clone();
        let mut more = Vec::new();
        for (bundle, row) in rows {
            let head = &mut heads[bundle];
            let Known::Nothing(bytes) = &head.known else { continue };
            let bytes = bytes.clone();
            head.known = Known::Row(Arc::new(row), ROOT);
            // Text that has come in the meantime.
            let mut late = vec![head.clone()];
            for &byte in &bytes {
                late = late.iter().flat_map(|head| self.step(head, byte)).collect();
            }
            // The bundle keeps its place; an empty one is left out below.
            match late.split_first() {
                Some((first, rest)) => {
                    *head = first.clone();
                    more.extend_from_slice(rest);
                }
                None => head.log_weight = f64::NEG_INFINITY,
            }
        }
        heads.extend(more);
        heads.retain(|head| head.log_weight > f64::NEG_INFINITY);
        Self { vocab: Arc::clone(&self.vocab), heads, conditionals: self.conditionals, forgotten: self.forgotten }
    }

    /// Forgets all pending bundles but the heaviest; their mass stays unresolved for good.
    #[must_use]
    pub fn forget(&self, all_but: usize) -> Self {
        let mut state = self.clone();
        let is_pending = |head: &Head| matches!(head.known, Known::Nothing(_));
        let mut weights: Vec<f64> = state.heads.iter().filter(|head| is_pending(head)).map(|h| h.log_weight).collect();
        if weights.len() <= all_but {
            return state;
        }
        weights.sort_by(|a, b| b.total_cmp(a));
        let least = weights[all_but];
        let shift = self.largest_weight().max(self.forgotten);
        let mut lost = (self.forgotten - shift).exp();
        state.heads.retain(|head| {
            let keep = !is_pending(head) || head.log_weight > least;
            lost += if keep { 0.0 } else { (head.log_weight - shift).exp() };
            keep
        });
        state.forgotten = shift + lost.ln();
        state
    }

    /// What becomes of one bundle with one more byte.
    fn step(&self, head: &Head, byte: u8) -> Vec<Head> {
        let trie = self.vocab.trie();
        match &head.known {
            Known::Nothing(bytes) => {
                let bytes = [&bytes[..], &[byte]].concat();
                vec![Head { known: Known::Nothing(bytes), ..head.clone() }]
            }
            Known::Row(row, at) => {
                let Some(at) = trie.child(*at, byte) else { return Vec::new() };
                let mut heads = Vec::new();
                if trie.has_children(at) && row.mass(trie.longer(at)) > 0.0 {
                    heads.push(Head { known: Known::Row(Arc::clone(row), at), ..head.clone() });
                }
                for leaf in trie.exact(at).filter(|&leaf| row.token(leaf) > 0.0) {
                    let reading = match (self.vocab.rules(), &head.node.reading) {
                        (Some(rules), Some(reading)) => match rules.append(reading, leaf) {
                            Some(reading) => Some(reading),
                            None => continue,
                        },
                        _ => None,
                    };
                    let node = Arc::new(Node {
                        parent: Some(Arc::clone(&head.node)),
                        id: trie.all_ids()[leaf],
                        depth: head.node.depth + 1,
                        reading,
                    });
                    let log_weight = head.log_weight + row.token(leaf).ln();
                    heads.push(Head { node, log_weight, known: Known::Nothing(Vec::new()) });
                }
                heads
            }
        }
    }

    /// One byte more. Pending bundles stay pending.
    #[must_use]
    pub fn advance(&self, byte: u8) -> Self {
        let conditionals = match self.vocab.mode() {
            Mode::CanonicalRaw => self.conditionals + self.logprobs()[usize::from(byte)],
            Mode::Canonical | Mode::All => 0.0,
        };
        let heads = self.heads.iter().flat_map(|head| self.step(head, byte)).collect();
        Self { vocab: Arc::clone(&self.vocab), heads, conditionals, forgotten: self.forgotten }
    }

    /// Logarithms of the probabilities of each next byte and, at [`END`], of the end of the text, among what is resolved.
    /// All are -inf if nothing is.
    #[must_use]
    pub fn logprobs(&self) -> Box<[f64; END + 1]> {
        let mut sums = Box::new([0.0; END + 1]);
        let shift = self.largest_resolved();
        let trie = self.vocab.trie();
        for head in &self.heads {
            let weight = (head.log_weight - shift).exp();
            match &head.known {
                Known::Row(row, ROOT) => {
                    for byte in 0..=255 {
                        sums[usize::from(byte)] += weight * row.first(byte);
                    }
                    sums[END] += weight * row.end();
                }
                Known::Row(row, at) => {
                    for (byte, child) in trie.children(*at) {
                        sums[usize::from(byte)] += weight * row.mass(trie.leaves(child));
                    }
                }
                Known::Nothing(_) => {}
            }
        }
        let all: f64 = sums.iter().sum();
        sums.iter_mut().for_each(|sum| *sum = if all > 0.0 { (*sum / all).ln() } else { f64::NEG_INFINITY });
        sums
    }

    fn largest_resolved(&self) -> f64 {
        let resolved = self.heads.iter().map(|head| head.log_weight + self.share(head).ln());
        let largest = resolved.fold(f64::NEG_INFINITY, f64::max);
        if largest.is_finite() { largest } else { 0.0 }
    }

    /// Logarithm of the probability that a special token follows, other than those that end the text, before those are left
    /// out: among what is resolved.
    #[must_use]
    pub fn special_logprob(&self) -> f64 {
        let shift = self.largest_resolved();
        let (mut special, mut all) = (0.0, 0.0);
        for head in &self.heads {
            let weight = (head.log_weight - shift).exp();
            match &head.known {
                Known::Row(row, ROOT) => {
                    special += weight * row.special() * row.total();
                    all += weight * row.total();
                }
                Known::Row(..) => all += weight * self.share(head),
                Known::Nothing(_) => {}
            }
        }
        if all > 0.0 { (special / all).ln() } else { f64::NEG_INFINITY }
    }

    /// What part of all mass the model has not been asked about: no probability is further than this from the exact one.
    #[must_use]
    pub fn unresolved_mass(&self) -> f64 {
        let shift = self.largest_weight();
        let (mut resolved, mut unresolved) = (0.0, (self.forgotten - shift).exp());
        for head in &self.heads {
            let weight = (head.log_weight - shift).exp();
            match &head.known {
                Known::Row(..) => resolved += weight * self.share(head),
                Known::Nothing(_) => unresolved += weight,
            }
        }
        if unresolved > 0.0 { unresolved / (resolved + unresolved) } else { 0.0 }
    }

    /// Logarithm of the probability of the bytes; of a lower bound if some mass is unresolved.
    ///
    /// In [`Mode::CanonicalRaw`] the sum of the logarithms of each byte given those before.
    #[must_use]
    pub fn logprob(&self) -> f64 {
        if self.vocab.mode() == Mode::CanonicalRaw {
            return self.conditionals;
        }
        let shift = self.largest_weight();
        let share = |head: &Head| match &head.known {
            // Nothing has come since: all of it spells the text.
            Known::Nothing(bytes) if bytes.is_empty() => 1.0,
            _ => self.share(head),
        };
        shift + self.heads.iter().map(|head| (head.log_weight - shift).exp() * share(head)).sum::<f64>().ln()
    }

    /// Calls `f` with the tokens of every resolved cover of the bytes and its mass relative to a common one: the bundle, the
    /// last leaf if the bundle's history does not spell all of the bytes, and the mass.
    fn for_each_cover(&self, mut f: impl FnMut(usize, Option<usize>, f64)) {
        let shift = self.largest_resolved();
        let trie = self.vocab.trie();
        for (bundle, head) in self.heads.iter().enumerate() {
            let weight = (head.log_weight - shift).exp();
            match &head.known {
                Known::Row(row, ROOT) => f(bundle, None, weight * row.total()),
                Known::Row(row, at) => {
                    for leaf in trie.longer(*at) {
                        let mass = weight * row.token(leaf);
                        if mass > 0.0 {
                            f(bundle, Some(leaf), mass);
                        }
                    }
                }
                Known::Nothing(_) => {}
            }
        }
    }

    fn cover(&self, bundle: usize, leaf: Option<usize>, share: f64) -> Cover {
        let mut ids = self.path(bundle);
        ids.extend(leaf.map(|leaf| self.vocab.trie().all_ids()[leaf]));
        Cover { ids, log_share: share.ln() }
    }

    /// The heaviest covers, heaviest first.
    #[must_use]
    pub fn covers(&self, most: usize) -> Vec<Cover> {
        let mut all = Vec::new();
        let mut sum = 0.0;
        self.for_each_cover(|bundle, leaf, mass| {
            sum += mass;
            all.push((mass, bundle, leaf));
        });
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        all.truncate(most);
        all.into_iter().map(|(mass, bundle, leaf)| self.cover(bundle, leaf, mass / sum)).collect()
    }

    /// The cover at a place between 0 and 1 if all are laid side by side, each as wide as its share; `None` without covers.
    #[must_use]
    pub fn cover_at(&self, place: f64) -> Option<Cover> {
        let mut sum = 0.0;
        self.for_each_cover(|_, _, mass| sum += mass);
        let (mut at, mut found) = (0.0, None);
        self.for_each_cover(|bundle, leaf, mass| {
            if at <= place * sum {
                found = Some((bundle, leaf, mass));
            }
            at += mass;
        });
        found.map(|(bundle, leaf, mass)| self.cover(bundle, leaf, mass / sum))
    }
}
