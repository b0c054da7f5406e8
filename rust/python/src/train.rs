//! Counting pieces and learning from them.

use crate::interrupt::run;
use crate::model::Model;
use crate::text::{self, Text};
use crate::{errors, threads};
use memmap2::Mmap;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use rayon::ThreadPool;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokengrove::spec::bytes_to_text;
use tokengrove::train::{
    AlphabetOptions, CountsFile, Goal, Inherited, JoinRule, MaxLength, Observe, ParallelCounter, Phase, PieceCounter,
    Pieces, Progress, Resume, RunCounter, SoFar, Ties, TrainError, Units, continue_training, train_on_runs,
    write_counts,
};

/// Bytes of text that are held at once while counting.
const WAVE: usize = 16 << 20;
/// Texts that are held at once while counting.
const TEXTS: usize = 1 << 16;
/// How often Ctrl-C is heard and progress told.
const PAUSE: Duration = Duration::from_millis(100);

/// Memory that holds a file of counts.
enum Memory {
    Read(Vec<u8>),
    Mapped(Mmap),
}

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Read(data) => data,
            Self::Mapped(data) => data,
        }
    }
}

enum Inner {
    Counter(PieceCounter),
    File(CountsFile<Memory>),
}

impl Pieces for Inner {
    fn for_each(&self, f: &mut dyn FnMut(&[u8], u64)) {
        match self {
            Self::Counter(counter) => counter.for_each(f),
            Self::File(file) => file.for_each(f),
        }
    }
}

/// How often each piece of some text occurs.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct PieceCounts {
    inner: Inner,
}

impl From<PieceCounter> for PieceCounts {
    fn from(counter: PieceCounter) -> Self {
        Self { inner: Inner::Counter(counter) }
    }
}

#[pymethods]
impl PieceCounts {
    /// Counts the pieces of texts; `advance` is called with the texts and bytes done since the call before.
    #[staticmethod]
    fn count(
        py: Python<'_>,
        model: &Bound<'_, Model>,
        texts: &Bound<'_, PyAny>,
        advance: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let tokenizer = &model.get().tokenizer;
        let pool = threads::pool(py)?;
        let mut counter = ParallelCounter::new();
        waves(texts, advance, |wave, bytes| {
            let work = || match &pool {
                Some(pool) => pool.install(|| counter.add(tokenizer, wave)),
                None => counter.add(tokenizer, wave),
            };
            run(py, bytes, work)?.map_err(|error| errors::INVALID_TEXT.err(py, error))
        })?;
        Ok(run(py, usize::MAX, || counter.finish())?.into())
    }

    /// Takes pieces and counts from pairs; equal pieces add up.
    #[staticmethod]
    fn from_items(items: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut counter = PieceCounter::new();
        for item in items.try_iter()? {
            let (piece, count): (Bound<'_, PyBytes>, u64) = item?.extract()?;
            counter.add(piece.as_bytes(), count);
        }
        Ok(counter.into())
    }

    /// Adds up several.
    #[staticmethod]
    #[allow(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
    fn merged(py: Python<'_>, all: Vec<Bound<'_, Self>>) -> PyResult<Self> {
        let all: Vec<&Self> = all.iter().map(Bound::get).collect();
        run(py, usize::MAX, || {
            let mut sum = PieceCounter::new();
            for counts in all {
                counts.inner.for_each(&mut |piece, count| sum.add(piece, count));
            }
            sum.into()
        })
    }

    /// Leaves out pieces that occur fewer than `min_count` times.
    fn pruned(&self, py: Python<'_>, min_count: u64) -> PyResult<Self> {
        run(py, usize::MAX, || {
            let mut kept = PieceCounter::new();
            self.inner.for_each(&mut |piece, count| {
                if count >= min_count {
                    kept.add(piece, count);
                }
            });
            kept.into()
        })
    }

    /// Writes a file.
    #[allow(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
    fn write(&self, py: Python<'_>, path: PathBuf, description: &str) -> PyResult<()> {
        run(py, usize::MAX, || {
            let mut file = BufWriter::new(File::create(&path)?);
            write_counts(&self.inner, description, &mut file)?;
            file.flush()
        })??;
        Ok(())
    }

    /// Reads or maps a file that `write` wrote; gives the description too.
    #[staticmethod]
    #[allow(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
    fn read(py: Python<'_>, path: PathBuf, mmap: bool) -> PyResult<(Self, String)> {
        let file = run(py, usize::MAX, || {
            let memory = if mmap {
                let file = File::open(&path)?;
                // SAFETY: the mapping is only read, through slices whose every access is checked against bounds; that
                // nobody changes a file of counts while it is mapped is asked of the user, as of all users of mappings.
                Memory::Mapped(unsafe { Mmap::map(&file)? })
            } else {
                Memory::Read(fs::read(&path)?)
            };
            Ok::<_, std::io::Error>(CountsFile::new(memory))
        })??
        .map_err(|error| errors::VOCABULARY.err(py, error))?;
        let description = file.description().to_owned();
        Ok((Self { inner: Inner::File(file) }, description))
    }

    /// The number of distinct pieces.
    fn __len__(&self) -> usize {
        match &self.inner {
            Inner::Counter(counter) => counter.len(),
            Inner::File(file) => file.len(),
        }
    }

    /// The sum of all counts.
    #[getter]
    fn total(&self) -> u64 {
        match &self.inner {
            Inner::Counter(counter) => counter.total(),
            Inner::File(file) => file.total(),
        }
    }

    /// The sum of the lengths of all pieces, each times its count, in bytes.
    #[getter]
    fn total_bytes(&self, py: Python<'_>) -> PyResult<u64> {
        run(py, usize::MAX, || {
            let mut sum = 0_u64;
            self.inner.for_each(&mut |piece, count| sum = sum.saturating_add(count.saturating_mul(piece.len() as u64)));
            sum
        })
    }

    /// The pieces and their counts, most frequent first, equally frequent ones in the order of their bytes.
    fn most_common<'py>(&self, py: Python<'py>, n: Option<usize>) -> PyResult<Bound<'py, PyList>> {
        let list = run(py, usize::MAX, || {
            let mut list: Vec<(u64, Vec<u8>)> = Vec::new();
            self.inner.for_each(&mut |piece, count| list.push((count, piece.to_vec())));
            list.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
            list.truncate(n.unwrap_or(usize::MAX));
            list
        })?;
        PyList::new(py, list.into_iter().map(|(count, piece)| (PyBytes::new(py, &piece), count)))
    }
}

/// What `learn` learned.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct Trained {
    trained: tokengrove::train::Trained,
    bytes: bool,
}

#[pymethods]
impl Trained {
    /// The tokens in order of id, as a `tokenizer.json` writes them.
    #[getter]
    fn strings(&self) -> Vec<String> {
        let write = |(id, token): (u32, &[u8])| {
            if self.bytes && !self.trained.is_apart(id) {
                bytes_to_text(token)
            } else {
                String::from_utf8_lossy(token).into_owned()
            }
        };
        (0_u32..).zip(self.trained.tokens()).map(write).collect()
    }

    /// The tokens in order of id, as bytes.
    #[getter]
    fn tokens<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.trained.tokens().map(|token| PyBytes::new(py, token)))
    }

    /// The merges in the order in which they were learned: left, right, what they become, and the count of the pair.
    #[getter]
    fn merges(&self) -> Vec<(u32, u32, u32, u64)> {
        self.trained.merges().iter().map(|merge| (merge.left, merge.right, merge.token, merge.count)).collect()
    }

    /// How many of the merges were inherited.
    #[getter]
    fn inherited(&self) -> usize {
        self.trained.inherited()
    }
}

/// Merges as the two tokens that each joins.
type NamedMerges = Vec<(Vec<u8>, Vec<u8>)>;

/// Learns from counts; `options` are those of `tokengrove.training`, which checks them.
#[pyfunction]
#[pyo3(signature = (counts, options, *, inherited, keep_inherited, resume, observer))]
#[allow(clippy::too_many_arguments, reason = "the one caller gives them by name")]
pub(crate) fn learn(
    py: Python<'_>,
    counts: &Bound<'_, PieceCounts>,
    options: &Bound<'_, PyDict>,
    inherited: NamedMerges,
    keep_inherited: bool,
    resume: Option<(NamedMerges, usize)>,
    observer: Option<Py<PyAny>>,
) -> PyResult<Trained> {
    let (alphabet, goal) = read_options(options)?;
    let inherited = Inherited { merges: inherited, keep_unused: keep_inherited };
    let resume = resume.map(|(merges, inherited)| Resume { merges, inherited });
    let pool = threads::pool(py)?;
    let mut observer = Observer::new(observer);
    let pieces = &counts.get().inner;
    let trained = watched(py, pool.as_deref(), &mut observer, |observer| {
        continue_training(&alphabet, pieces, &inherited, resume.as_ref(), &goal, observer)
    })?;
    let trained = trained.map_err(|error| errors::INVALID_ARGUMENT.err(py, error))?;
    Ok(Trained { trained, bytes: alphabet.units == Units::Bytes })
}

/// Learns superwords from the runs of words that texts have; `trained` is the vocabulary of words, `model` cuts the text.
#[pyfunction]
#[pyo3(signature = (trained, model, texts, options, *, observer))]
pub(crate) fn learn_superwords(
    py: Python<'_>,
    trained: &Bound<'_, Trained>,
    model: &Bound<'_, Model>,
    texts: &Bound<'_, PyAny>,
    options: &Bound<'_, PyDict>,
    observer: Option<Py<PyAny>>,
) -> PyResult<Trained> {
    let (_, goal) = read_options(options)?;
    let words = &trained.get().trained;
    if !trained.get().bytes {
        return Err(errors::INVALID_ARGUMENT.err(py, "superwords from counted runs need a vocabulary of bytes"));
    }
    let mut counter = run(py, usize::MAX, || RunCounter::new(words))?;
    let tokenizer = &model.get().tokenizer;
    let pool = threads::pool(py)?;
    waves(texts, None, |wave, bytes| {
        let work = || match &pool {
            Some(pool) => pool.install(|| counter.add(tokenizer, wave)),
            None => counter.add(tokenizer, wave),
        };
        run(py, bytes, work)?.map_err(|error| errors::INVALID_TEXT.err(py, error))
    })?;
    let mut observer = Observer::new(observer);
    let trained = watched(py, pool.as_deref(), &mut observer, |observer| {
        train_on_runs(words, &counter.finish(), &goal, observer)
    })?;
    let trained = trained.map_err(|error| errors::INVALID_ARGUMENT.err(py, error))?;
    Ok(Trained { trained, bytes: true })
}

/// Learns on the pool, if there is one. Python tells of Ctrl-C on its own thread only, so this one listens meanwhile.
fn watched<T: Send>(
    py: Python<'_>,
    pool: Option<&ThreadPool>,
    observer: &mut Observer,
    learn: impl FnOnce(&mut Observer) -> T + Send,
) -> PyResult<T> {
    let stop = Arc::clone(&observer.stop);
    let mut signal = None;
    let learned = run(py, usize::MAX, || match pool {
        None => Some(learn(observer)),
        Some(pool) => {
            pool.in_place_scope(|scope| {
                let (sender, receiver) = mpsc::sync_channel(1);
                let observer = &mut *observer;
                scope.spawn(move |_| {
                    let _ = sender.send(learn(observer));
                });
                loop {
                    match receiver.recv_timeout(PAUSE / 2) {
                        Ok(learned) => return Some(learned),
                        // The work panicked; the scope passes that on.
                        Err(RecvTimeoutError::Disconnected) => return None,
                        Err(RecvTimeoutError::Timeout) => {
                            if let Err(error) = Python::attach(|py| -> PyResult<()> { py.check_signals() }) {
                                signal = Some(error);
                                stop.store(true, Ordering::Relaxed);
                            }
                        }
                    }
                }
            })
        }
    })?;
    match (observer.error.take().or(signal), learned) {
        (Some(error), _) => Err(error),
        (None, Some(learned)) => Ok(learned),
        (None, None) => Err(errors::INTERNAL.err(py, "training ended without a result; please report this")),
    }
}

/// Takes texts from an iterable, some megabytes at a time; between two waves Ctrl-C is heard and `advance` called.
fn waves(
    texts: &Bound<'_, PyAny>,
    advance: Option<&Bound<'_, PyAny>>,
    mut work: impl FnMut(&[&[u8]], usize) -> PyResult<()>,
) -> PyResult<()> {
    if texts.is_instance_of::<PyString>() || texts.is_instance_of::<PyBytes>() {
        let kind = texts.get_type();
        return Err(PyTypeError::new_err(format!("texts must be an iterable of str or bytes, not one {kind}")));
    }
    let mut texts = texts.try_iter()?;
    loop {
        let (mut objects, mut bytes) = (Vec::new(), 0);
        while bytes < WAVE && objects.len() < TEXTS {
            let Some(object) = texts.next().transpose()? else { break };
            bytes += text::borrow(&object)?.len();
            objects.push(object);
        }
        if objects.is_empty() {
            return Ok(());
        }
        let wave: Vec<Text<'_>> = objects.iter().map(text::borrow).collect::<PyResult<_>>()?;
        let wave: Vec<&[u8]> = wave.iter().map(Text::as_bytes).collect();
        work(&wave, bytes)?;
        texts.py().check_signals()?;
        if let Some(advance) = advance {
            advance.call1((objects.len(), bytes))?;
        }
    }
}

/// Tells Python how training goes, every now and then.
struct Observer {
    callable: Option<Py<PyAny>>,
    last: Instant,
    phase: Phase,
    error: Option<PyErr>,
    /// Set where Ctrl-C is heard.
    stop: Arc<AtomicBool>,
}

impl Observer {
    fn new(callable: Option<Py<PyAny>>) -> Self {
        Self { callable, last: Instant::now(), phase: Phase::Layout, error: None, stop: Arc::default() }
    }
}

impl Observe for Observer {
    fn progress(&mut self, progress: Progress, so_far: SoFar<'_>) -> Result<(), TrainError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(TrainError::interrupted());
        }
        if progress.phase == self.phase && self.last.elapsed() < PAUSE {
            return Ok(());
        }
        (self.last, self.phase) = (Instant::now(), progress.phase);
        Python::attach(|py| {
            py.check_signals()?;
            let Some(callable) = &self.callable else { return Ok(()) };
            let phase = match progress.phase {
                Phase::Layout => "layout",
                Phase::Replay => "replay",
                Phase::Learn => "learn",
            };
            let wants_merges = callable.call1(py, (phase, progress.tokens, progress.goal))?.is_truthy(py)?;
            if let (true, Some(merges)) = (wants_merges, so_far.resumable()) {
                let pairs: Vec<_> =
                    merges.map(|(left, right)| (PyBytes::new(py, left), PyBytes::new(py, right))).collect();
                callable.call_method1(py, "checkpoint", (PyList::new(py, pairs)?,))?;
            }
            Ok(())
        })
        .map_err(|error: PyErr| {
            self.error = Some(error);
            TrainError::interrupted()
        })
    }
}

/// A value of the options.
fn option<'py, T: for<'a> FromPyObject<'a, 'py, Error = PyErr>>(
    options: &Bound<'py, PyDict>,
    name: &str,
) -> PyResult<T> {
    match options.get_item(name)? {
        Some(value) => value.extract(),
        None => Err(PyTypeError::new_err(format!("the option {name} is missing"))),
    }
}

fn read_options(options: &Bound<'_, PyDict>) -> PyResult<(AlphabetOptions, Goal)> {
    let py = options.py();
    let choice = |name: &str, found: &str| errors::INVALID_ARGUMENT.err(py, format_args!("{name} cannot be {found:?}"));
    let units: String = option(options, "units")?;
    let ties: String = option(options, "ties")?;
    let initial: Vec<char> = option(options, "initial_alphabet")?;
    let max_token_bytes: Option<usize> = option(options, "max_token_bytes")?;
    let max_token_length: Option<usize> = option(options, "max_token_length")?;
    let forbid: Vec<Vec<u8>> = option(options, "forbid")?;
    let never: Vec<Vec<u8>> = option(options, "never")?;
    let alphabet = AlphabetOptions {
        units: match units.as_str() {
            "bytes" => Units::Bytes,
            "chars" => Units::Chars,
            "byte-chars" => Units::ByteChars,
            _ => return Err(choice("units", &units)),
        },
        ties: match ties.as_str() {
            "tokenizers" => Ties::Tokenizers,
            "rustbpe" => Ties::RustBpe,
            _ => return Err(choice("ties", &ties)),
        },
        special_tokens: option(options, "special_tokens")?,
        limit: option(options, "limit_alphabet")?,
        initial,
        all_bytes: option(options, "all_bytes")?,
        continuing_subword_prefix: option(options, "continuing_subword_prefix")?,
        end_of_word_suffix: option(options, "end_of_word_suffix")?,
    };
    let goal = Goal {
        vocab_size: option(options, "vocab_size")?,
        reserved: option(options, "reserved")?,
        min_frequency: option(options, "min_frequency")?,
        max_length: match (max_token_bytes, max_token_length) {
            (Some(most), _) => MaxLength::Bytes(most),
            (None, Some(limit)) => MaxLength::Compatible(limit),
            (None, None) => MaxLength::Unlimited,
        },
        rule: JoinRule { max_words: option(options, "max_words")?, forbid, never: never.into_iter().collect() },
    };
    Ok((alphabet, goal))
}
