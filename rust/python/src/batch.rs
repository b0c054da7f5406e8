//! Several texts to ids, over threads.
//!
//! Texts are taken in waves of a few megabytes. Within a wave, groups of texts are encoded in parallel, each into a buffer
//! that the next wave uses again, and then copied in parallel to where they belong; between waves Ctrl-C is heard. Without
//! threads the ids are made in place.

use crate::encode::{Encode, no_token};
use crate::interrupt::run;
use crate::text::Text;
use crate::{buffer, threads};
use pyo3::prelude::*;
use rayon::ThreadPool;
use rayon::prelude::*;
use std::ops::Range;
use tokengrove::hugepage;
use tokengrove::pipeline::EncodeError;

/// Bytes of text that one task encodes: long enough that handing it out costs nothing, short enough to balance.
const GROUP: usize = 64 << 10;
/// Bytes of text of a wave, for each thread.
const WAVE: usize = 4 << 20;

/// Ids of several texts, one after the other.
pub(crate) struct Ragged {
    /// The ids.
    pub(crate) ids: Vec<u32>,
    /// Where each text's ids start, then the total.
    pub(crate) splits: Vec<i64>,
}

/// Encodes texts.
pub(crate) fn encode(py: Python<'_>, encode: Encode<'_>, texts: &[Text<'_>]) -> PyResult<Ragged> {
    let bytes: usize = texts.iter().map(Text::len).sum();
    let mut splits = Vec::with_capacity(texts.len() + 1);
    splits.push(0);
    let pool = if bytes > GROUP { threads::pool(py)? } else { None };
    let ids = match pool {
        Some(pool) => {
            let mut out = Placed { ids: hugepage::zeros(bytes / 3), len: 0 };
            let mut buffers = Vec::new();
            for wave in spans(texts, 0..texts.len(), WAVE * pool.current_num_threads()) {
                let groups: Vec<Range<usize>> = spans(texts, wave, GROUP).collect();
                run(py, usize::MAX, || wave_of(&pool, encode, texts, &groups, &mut buffers, &mut out, &mut splits))?
                    .map_err(|error| no_token(py, &error))?;
                py.check_signals()?;
            }
            out.finish()
        }
        None => serial(py, encode, texts, bytes, &mut splits)?,
    };
    Ok(Ragged { ids, splits })
}

/// Counts the tokens of each text.
pub(crate) fn count(py: Python<'_>, encode: Encode<'_>, texts: &[Text<'_>]) -> PyResult<Vec<i64>> {
    let bytes: usize = texts.iter().map(Text::len).sum();
    let pool = if bytes > GROUP { threads::pool(py)? } else { None };
    let one = |text: &Text<'_>| buffer::with(|ids| encode.append(*text, ids).map(|()| to_i64(ids.len())));
    let mut counts = Vec::with_capacity(texts.len());
    let threads = pool.as_ref().map_or(1, |pool| pool.current_num_threads());
    for wave in spans(texts, 0..texts.len(), WAVE * threads) {
        let part = &texts[wave];
        let done: Result<Vec<i64>, EncodeError> = run(py, bytes, || match &pool {
            Some(pool) => pool.install(|| part.par_iter().map(one).collect()),
            None => part.iter().map(one).collect(),
        })?;
        counts.extend(done.map_err(|error| no_token(py, &error))?);
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
    texts: &[Text<'_>],
    bytes: usize,
    splits: &mut Vec<i64>,
) -> PyResult<Vec<u32>> {
    let mut ids = hugepage::reserve(bytes / 2);
    for wave in spans(texts, 0..texts.len(), WAVE) {
        let part = &texts[wave];
        run(py, bytes, || {
            part.iter().try_for_each(|text| {
                encode.append(*text, &mut ids)?;
                splits.push(to_i64(ids.len()));
                Ok(())
            })
        })?
        .map_err(|error: EncodeError| no_token(py, &error))?;
        py.check_signals()?;
    }
    ids.shrink_to_fit();
    Ok(ids)
}

fn wave_of(
    pool: &ThreadPool,
    encode: Encode<'_>,
    texts: &[Text<'_>],
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
            texts[group.clone()].iter().try_for_each(|text| {
                encode.append(*text, &mut buffer.ids)?;
                buffer.ends.push(buffer.ids.len());
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

/// What handling one more text costs, in bytes of text; keeps a wave of empty texts finite.
const PER_TEXT: usize = 16;

/// Cuts a range of texts into consecutive ranges of at least one text and about `size` bytes.
fn spans<'a>(texts: &'a [Text<'a>], range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> + use<'a> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let start = at;
        let mut bytes = 0;
        while at < range.end && (at == start || bytes + texts[at].len() + PER_TEXT <= size) {
            bytes += texts[at].len() + PER_TEXT;
            at += 1;
        }
        (start < at).then_some(start..at)
    })
}

/// Lengths of memory fit.
fn to_i64(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}
