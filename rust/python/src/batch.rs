//! Several texts, or one long text, to ids: over threads, and stopped by Ctrl-C.
//!
//! Long texts are cut into parts that encode apart, so that all work is a list of items of similar size. The items are taken
//! in waves. Within a wave, groups of items are encoded in parallel, each into a buffer that the next wave uses again, and
//! the ids are then copied in parallel to where they belong; between waves Ctrl-C is heard. Without threads the ids are made
//! in place.

use crate::encode::{Encode, no_token};
use crate::interrupt::run;
use crate::text::Text;
use crate::{buffer, threads};
use pyo3::prelude::*;
use rayon::ThreadPool;
use rayon::prelude::*;
use std::ops::Range;
use tokengrove::hugepage;
use tokengrove::pipeline::{EncodeError, Part};

/// Bytes of text that one task encodes: long enough that handing it out costs nothing, short enough to balance.
const GROUP: usize = 32 << 10;
/// Bytes of text of a wave, for each thread: the buffers of a wave stay in the cache.
const WAVE: usize = 1 << 20;
/// What handling one more item costs, in bytes of text; keeps a group of empty texts finite.
const PER_ITEM: usize = 16;

/// Ids of several texts, one after the other.
pub(crate) struct Ragged {
    /// The ids.
    pub(crate) ids: Vec<u32>,
    /// Where each text's ids start, then the total.
    pub(crate) splits: Vec<i64>,
}

/// A text or a part of one.
struct Item<'a> {
    text: Text<'a>,
    part: Option<Part>,
    /// Whether its text ends with it.
    last: bool,
}

impl Item<'_> {
    fn len(&self) -> usize {
        self.part.as_ref().map_or(self.text.len(), |part| part.range().len())
    }

    fn append(&self, encode: Encode<'_>, out: &mut Vec<u32>) -> Result<(), EncodeError> {
        match (self.text, &self.part) {
            (Text::Str(text), Some(part)) => encode.tokenizer.encode_part_into(text, part, encode.options, out),
            _ => encode.append(self.text, out),
        }
    }
}

/// Lists the items of texts.
fn items<'a>(encode: Encode<'_>, texts: &[Text<'a>]) -> Vec<Item<'a>> {
    let mut items = Vec::with_capacity(texts.len());
    for &text in texts {
        let parts = match text {
            Text::Str(text) if text.len() >= 2 * GROUP => encode.tokenizer.parts(text, encode.options, GROUP),
            _ => None,
        };
        match parts {
            Some(parts) => {
                items.extend(parts.into_iter().map(|part| Item { text, part: Some(part), last: false }));
                if let Some(item) = items.last_mut() {
                    item.last = true;
                }
            }
            None => items.push(Item { text, part: None, last: true }),
        }
    }
    items
}

/// Encodes texts.
pub(crate) fn encode(py: Python<'_>, encode: Encode<'_>, texts: &[Text<'_>]) -> PyResult<Ragged> {
    let bytes: usize = texts.iter().map(Text::len).sum();
    let items = run(py, bytes, || items(encode, texts))?;
    let mut splits = Vec::with_capacity(texts.len() + 1);
    splits.push(0);
    let pool = if bytes >= 2 * GROUP { threads::pool(py)? } else { None };
    let Some(pool) = pool else {
        let ids = serial(py, encode, &items, bytes, &mut splits)?;
        return Ok(Ragged { ids, splits });
    };
    encode.tokenizer.prepare(pool.current_num_threads().min(bytes / GROUP));
    let mut out = Placed { ids: hugepage::zeros(bytes / 3), len: 0 };
    let mut buffers = Vec::new();
    for wave in spans(&items, 0..items.len(), WAVE * pool.current_num_threads()) {
        let groups: Vec<Range<usize>> = spans(&items, wave, GROUP).collect();
        run(py, bytes, || one_wave(&pool, encode, &items, &groups, &mut buffers, &mut out, &mut splits))?
            .map_err(|error| no_token(py, &error))?;
        py.check_signals()?;
    }
    Ok(Ragged { ids: out.finish(), splits })
}

/// Counts the tokens of each text.
pub(crate) fn count(py: Python<'_>, encode: Encode<'_>, texts: &[Text<'_>]) -> PyResult<Vec<i64>> {
    let bytes: usize = texts.iter().map(Text::len).sum();
    let items = run(py, bytes, || items(encode, texts))?;
    let pool = if bytes >= 2 * GROUP { threads::pool(py)? } else { None };
    let threads = pool.as_ref().map_or(1, |pool| pool.current_num_threads());
    encode.tokenizer.prepare(threads.min(bytes / GROUP));
    let one = |item: &Item<'_>| buffer::with(|ids| item.append(encode, ids).map(|()| to_i64(ids.len())));
    let mut counts = Vec::with_capacity(texts.len());
    let mut sum = 0;
    for wave in spans(&items, 0..items.len(), WAVE * threads) {
        let part = &items[wave];
        let done: Result<Vec<i64>, EncodeError> = run(py, bytes, || match &pool {
            Some(pool) => pool.install(|| part.par_iter().map(one).collect()),
            None => part.iter().map(one).collect(),
        })?;
        for (item, count) in part.iter().zip(done.map_err(|error| no_token(py, &error))?) {
            sum += count;
            if item.last {
                counts.push(std::mem::take(&mut sum));
            }
        }
        py.check_signals()?;
    }
    Ok(counts)
}

/// The ids of a parallel encoding, in zeroed memory of which `len` places are filled.
struct Placed {
    ids: Vec<u32>,
    len: usize,
}

impl Placed {
    /// Room for `count` more ids.
    fn grow(&mut self, count: usize) -> &mut [u32] {
        let start = self.len;
        self.len += count;
        if self.ids.len() < self.len {
            self.ids.resize(self.len + self.len / 2, 0);
        }
        &mut self.ids[start..self.len]
    }

    fn finish(mut self) -> Vec<u32> {
        self.ids.truncate(self.len);
        self.ids.shrink_to_fit();
        self.ids
    }
}

/// One task's results: its ids, and where each of its texts ends in them.
#[derive(Default)]
struct Buffer {
    ids: Vec<u32>,
    ends: Vec<usize>,
}

fn serial(
    py: Python<'_>,
    encode: Encode<'_>,
    items: &[Item<'_>],
    bytes: usize,
    splits: &mut Vec<i64>,
) -> PyResult<Vec<u32>> {
    // Reserved memory costs nothing until it is written; what is not written is given back.
    let mut ids = hugepage::reserve(bytes / 2);
    for wave in spans(items, 0..items.len(), WAVE) {
        let part = &items[wave];
        run(py, bytes, || {
            part.iter().try_for_each(|item| {
                item.append(encode, &mut ids)?;
                splits.extend(item.last.then(|| to_i64(ids.len())));
                Ok(())
            })
        })?
        .map_err(|error: EncodeError| no_token(py, &error))?;
        py.check_signals()?;
    }
    ids.shrink_to_fit();
    Ok(ids)
}

fn one_wave(
    pool: &ThreadPool,
    encode: Encode<'_>,
    items: &[Item<'_>],
    groups: &[Range<usize>],
    buffers: &mut Vec<Buffer>,
    out: &mut Placed,
    splits: &mut Vec<i64>,
) -> Result<(), EncodeError> {
    if buffers.len() < groups.len() {
        buffers.resize_with(groups.len(), Buffer::default);
    }
    let buffers = &mut buffers[..groups.len()];
    pool.install(|| {
        buffers.par_iter_mut().zip(groups).with_max_len(1).try_for_each(|(buffer, group)| {
            buffer.ids.clear();
            buffer.ends.clear();
            items[group.clone()].iter().try_for_each(|item| {
                item.append(encode, &mut buffer.ids)?;
                buffer.ends.extend(item.last.then_some(buffer.ids.len()));
                Ok::<(), EncodeError>(())
            })
        })
    })?;
    let mut start = out.len;
    for buffer in &*buffers {
        splits.extend(buffer.ends.iter().map(|end| to_i64(start + end)));
        start += buffer.ids.len();
    }
    let mut rest = out.grow(start - out.len);
    let mut copies = Vec::with_capacity(buffers.len());
    for buffer in &*buffers {
        let (to, after) = rest.split_at_mut(buffer.ids.len());
        copies.push((to, &buffer.ids[..]));
        rest = after;
    }
    pool.install(|| copies.into_par_iter().with_min_len(8).for_each(|(to, from)| to.copy_from_slice(from)));
    Ok(())
}

/// Cuts a range of items into consecutive ranges of at least one item and about `size` bytes.
fn spans<'a>(items: &'a [Item<'_>], range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> + use<'a> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let start = at;
        let mut bytes = 0;
        while at < range.end && (at == start || bytes + items[at].len() + PER_ITEM <= size) {
            bytes += items[at].len() + PER_ITEM;
            at += 1;
        }
        (start < at).then_some(start..at)
    })
}

/// Lengths of memory fit.
fn to_i64(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}
