//! How long a token tree and all its layouts take: `tree_speed [NODES...]`, by default 8, 16, 32, 64, 81 and 128.
//!
//! The 81-node tree is the static draft tree of Token Recycling (Luo et al. 2024): 80 drafts below one root, 7 levels, 40
//! leaves; trees of other sizes are the first nodes of it, or random beyond. Prints the median and the best of many
//! rounds, in microseconds; "all" is construction and every layout.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a program that prints times"
)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokengrove::id::TokenId;
use tokengrove::tree::{TokenTree, TreeBatch, TreeError};

/// Children of each node of the draft tree, breadth first.
const CHILDREN: [u8; 55] = [
    8, 8, 4, 3, 2, 1, 1, 1, 1, 8, 3, 2, 1, 1, 1, 1, 1, 2, 1, 0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 5, 2, 1, 1, 1, 0, 0, 0,
    1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0,
];
/// The same for its last levels.
const CHILDREN_DEEP: [u8; 26] = [3, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
const ROUNDS: usize = 2_000;
/// Trees per round, so that reading the clock costs nothing.
const PER_ROUND: u32 = 20;

/// The parents of a tree with `nodes` nodes.
fn parents(nodes: usize) -> Vec<i32> {
    let children = CHILDREN.iter().chain(&CHILDREN_DEEP);
    let mut parents = vec![-1];
    parents.extend((0i32..).zip(children).flat_map(|(node, &count)| (0..count).map(move |_| node)));
    let mut state = 1u32;
    while parents.len() < nodes {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        parents.push(i32::try_from(state as usize % parents.len()).unwrap_or(0));
    }
    parents.truncate(nodes);
    parents
}

/// Makes every layout and gives a number that depends on all of them.
fn layouts(tree: &TokenTree) -> Result<usize, TreeError> {
    let (links, table) = (tree.links(), tree.leaf_paths()?);
    let made = (
        black_box(tree.positions(300)),
        black_box(tree.boolean_mask()?),
        black_box(tree.additive_mask(f32::NEG_INFINITY)?),
        black_box(tree.bit_mask()?),
        black_box(tree.path_list()?),
        black_box(tree.leaf_rows()),
    );
    black_box((&links, &table));
    Ok(links.first_child.len() + table.nodes.len() + made.1.len() + made.4.nodes.len())
}

/// Median and best time of one call, in microseconds.
fn time(mut work: impl FnMut() -> Result<usize, TreeError>) -> Result<(f64, f64), TreeError> {
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..PER_ROUND {
            black_box(work()?);
        }
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let micros = |time: Duration| time.as_nanos() as f64 / 1e3 / f64::from(PER_ROUND);
    Ok((micros(times[ROUNDS / 2]), micros(times[0])))
}

fn run(nodes: usize) -> Result<(), TreeError> {
    let parents = parents(nodes);
    let tokens: Vec<TokenId> = (0..).map(TokenId).take(nodes).collect();
    let tree = TokenTree::new(tokens.clone(), parents.clone())?;
    let new = time(|| TokenTree::new(tokens.clone(), parents.clone()).map(|tree| tree.len()))?;
    let all = time(|| layouts(&TokenTree::new(tokens.clone(), parents.clone())?))?;
    let batch = time(|| TreeBatch::new(&[&tree], TokenId(0)).map(|batch| batch.places.len()))?;
    println!(
        "{nodes:>5} nodes, median (best) in us: all {:.2} ({:.2}), new {:.2} ({:.2}), batch of one {:.2} ({:.2})",
        all.0, all.1, new.0, new.1, batch.0, batch.1
    );
    Ok(())
}

fn main() -> ExitCode {
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![8, 16, 32, 64, 81, 128];
    }
    for size in sizes {
        if let Err(error) = run(size) {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
