//! `HfCore`: a compiled tokenizer with its settings, immutable.

use super::encoding::{PyEncoding, direction, to_list};
use super::input::{self, Borrowed};
use super::model::{BpeModel, load_error};
use super::refused;
use super::strings::PreTokenizedString;
use crate::interrupt::run;
use crate::{ids, threads};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use rayon::prelude::*;
use std::sync::Arc;
use tokengrove::encoding::{Direction, Encoding, Pad, Padding, Strategy, Truncation};
use tokengrove::io::hf_json::{self, Components};
use tokengrove::pipeline::{
    self, AllowedSpecials, Detail, EncodeOptions, FullEncoder, Unrepresentable, added_tokens, compile, compile_like,
};
use tokengrove::spec::AddedToken;

/// From this many bytes of text on, a batch is spread over threads.
const PARALLEL_FROM: usize = 16 << 10;

/// A tokenizer of the drop-in at work. Settings that change make another one, which shares what is compiled.
#[pyclass(frozen, module = "tokengrove._native")]
pub(crate) struct HfCore {
    full: FullEncoder,
    settings: Settings,
}

#[derive(Debug, Clone)]
struct Settings {
    truncation: Option<Truncation>,
    padding: Option<Padding>,
    allowed: AllowedSpecials,
    unrepresentable: Unrepresentable,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            truncation: None,
            padding: None,
            allowed: AllowedSpecials::all(),
            unrepresentable: Unrepresentable::Drop,
        }
    }
}

/// An added token: content, id, special, `single_word`, lstrip, rstrip, normalized.
type Added = (String, u32, bool, bool, bool, bool, bool);
/// Truncation: `max_length`, stride, strategy, direction.
type TruncationArguments = (usize, usize, String, String);
/// Padding: length, multiple, direction, id, type id, token.
type PaddingArguments = (Option<usize>, Option<usize>, String, u32, u32, String);

/// A token of a piece: id, string and bytes.
type PieceToken = (u32, String, (usize, usize));

fn added((content, id, special, single_word, lstrip, rstrip, normalized): Added) -> AddedToken {
    AddedToken { content, id, special, single_word, lstrip, rstrip, normalized }
}

fn truncation((max_length, stride, strategy, side): TruncationArguments) -> PyResult<Truncation> {
    let strategy = match strategy.as_str() {
        "longest_first" => Strategy::LongestFirst,
        "only_first" => Strategy::OnlyFirst,
        "only_second" => Strategy::OnlySecond,
        other => return Err(PyValueError::new_err(format!("unknown truncation strategy {other:?}"))),
    };
    Ok(Truncation { max_length, stride, strategy, direction: direction(&side, "truncation")? })
}

fn padding((length, multiple_of, side, id, type_id, token): PaddingArguments) -> PyResult<Padding> {
    let direction: Direction = direction(&side, "padding")?;
    Ok(Padding { length, multiple_of, pad: Pad { direction, id, type_id, token } })
}

impl HfCore {
    fn options(&self) -> EncodeOptions<'_> {
        EncodeOptions {
            add_special_tokens: false,
            allowed: &self.settings.allowed,
            unrepresentable: self.settings.unrepresentable,
        }
    }

    /// Encodes an input, and does everything to it but the padding of a batch.
    fn encode_one(
        &self,
        first: &Borrowed<'_>,
        second: Option<&Borrowed<'_>>,
        add_special_tokens: bool,
        detail: Detail,
    ) -> Result<Encoding, String> {
        let encode = |input: &Borrowed<'_>, type_id| {
            self.full.encode(input.input(), type_id, detail, self.options()).map_err(|error| error.to_string())
        };
        let first = encode(first, 0)?;
        let second = second.map(|input| encode(input, u32::from(detail == Detail::Full))).transpose()?;
        self.finish(first, second, add_special_tokens)
    }

    /// Truncates, adds what the post-processor adds, and pads.
    fn finish(
        &self,
        mut first: Encoding,
        mut second: Option<Encoding>,
        add_special_tokens: bool,
    ) -> Result<Encoding, String> {
        let processor = self.full.tokenizer().spec().post_processor.as_ref();
        if let Some(mut truncation) = self.settings.truncation {
            if add_special_tokens {
                let added = added_tokens(processor, second.is_some());
                // As in the reference library: a length that leaves no room for added tokens does not truncate.
                truncation.max_length = truncation.max_length.wrapping_sub(added);
            }
            truncation.apply(&mut first, second.as_mut()).map_err(|error| error.to_string())?;
        }
        let mut all =
            pipeline::process(processor, first, second, add_special_tokens).map_err(|error| error.to_string())?;
        if let Some(padding) = &self.settings.padding {
            padding.apply(std::slice::from_mut(&mut all));
        }
        Ok(all)
    }
}

#[pymethods]
impl HfCore {
    /// Compiles a model with components, as a JSON object, and added tokens; takes over what `like` has compiled already.
    #[new]
    #[pyo3(signature = (model, components, added_tokens, like = None))]
    #[allow(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
    fn new(
        py: Python<'_>,
        model: &BpeModel,
        components: &str,
        added_tokens: Vec<Added>,
        like: Option<PyRef<'_, Self>>,
    ) -> PyResult<Self> {
        let components = Components::parse(components).map_err(|error| load_error(py, &error))?;
        let added_tokens: Vec<AddedToken> = added_tokens.into_iter().map(added).collect();
        let model = Arc::clone(&model.model);
        let like = like.map(|like| Arc::clone(like.full.tokenizer()));
        let unknown_is_missing = |unk: &String| !model.vocab().any(|(string, _)| string == unk);
        let unrepresentable = match model.options().unk_token.as_ref().filter(|unk| unknown_is_missing(unk)) {
            Some(_) => Unrepresentable::Error,
            None => Unrepresentable::Drop,
        };
        let tokenizer = run(py, usize::MAX, || {
            let spec = hf_json::assemble(&model, components, added_tokens).map_err(|error| error.to_string())?;
            let compiled = match &like {
                Some(like) => compile_like(spec, like),
                None => compile(spec),
            };
            compiled.map_err(|error| error.to_string())
        })?
        .map_err(refused)?;
        let settings = Settings { unrepresentable, ..Settings::default() };
        Ok(Self { full: FullEncoder::new(Arc::new(tokenizer)), settings })
    }

    /// The same tokenizer with other settings.
    fn with_settings(
        &self,
        truncation: Option<TruncationArguments>,
        padding: Option<PaddingArguments>,
        encode_special_tokens: bool,
    ) -> PyResult<Self> {
        let settings = Settings {
            truncation: truncation.map(self::truncation).transpose()?,
            padding: padding.map(self::padding).transpose()?,
            allowed: if encode_special_tokens { AllowedSpecials::none() } else { AllowedSpecials::all() },
            unrepresentable: self.settings.unrepresentable,
        };
        Ok(Self { full: self.full.clone(), settings })
    }

    fn encode(
        &self,
        py: Python<'_>,
        sequence: &Bound<'_, PyAny>,
        pair: Option<&Bound<'_, PyAny>>,
        is_pretokenized: bool,
        add_special_tokens: bool,
    ) -> PyResult<PyEncoding> {
        let first = input::sequence(sequence, is_pretokenized)?;
        let second = pair.map(|pair| input::sequence(pair, is_pretokenized)).transpose()?;
        let first = first.borrow()?;
        let second = second.as_ref().map(input::Sequence::borrow).transpose()?;
        let bytes = first.len() + second.as_ref().map_or(0, Borrowed::len);
        let encoding = run(py, bytes, || self.encode_one(&first, second.as_ref(), add_special_tokens, Detail::Full))?;
        encoding.map(PyEncoding::from).map_err(refused)
    }

    /// Encodes several inputs over threads; where `fast`, only ids are wanted.
    fn encode_batch<'py>(
        &self,
        py: Python<'py>,
        batch: &Bound<'py, PyAny>,
        is_pretokenized: bool,
        add_special_tokens: bool,
        fast: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let detail = if fast { Detail::Ids } else { Detail::Full };
        let items = input::items(batch, is_pretokenized)?;
        let mut inputs = Vec::with_capacity(items.len());
        for item in &items {
            inputs.push((item.first.borrow()?, item.second.as_ref().map(input::Sequence::borrow).transpose()?));
        }
        let bytes = inputs.iter().map(|(first, second)| first.len() + second.as_ref().map_or(0, Borrowed::len)).sum();
        let pool = if bytes >= PARALLEL_FROM && inputs.len() > 1 { threads::pool(py)? } else { None };
        let one = |(first, second): &(Borrowed<'_>, Option<Borrowed<'_>>)| {
            self.encode_one(first, second.as_ref(), add_special_tokens, detail)
        };
        let all: Result<Vec<Encoding>, String> = run(py, bytes, || {
            let mut all: Vec<Encoding> = match &pool {
                Some(pool) => pool.install(|| inputs.par_iter().map(one).collect::<Result<_, _>>())?,
                None => inputs.iter().map(one).collect::<Result<_, _>>()?,
            };
            if let Some(padding) = &self.settings.padding {
                padding.apply(&mut all);
            }
            Ok(all)
        })?;
        py.check_signals()?;
        to_list(py, all.map_err(refused)?)
    }

    /// Truncates, adds what the post-processor adds, and pads.
    fn post_process(
        &self,
        encoding: &PyEncoding,
        pair: Option<&PyEncoding>,
        add_special_tokens: bool,
    ) -> PyResult<PyEncoding> {
        let copy = |encoding: &PyEncoding| Encoding::clone(&encoding.get());
        self.finish(copy(encoding), pair.map(copy), add_special_tokens).map(PyEncoding::from).map_err(refused)
    }

    fn decode(&self, py: Python<'_>, token_ids: &Bound<'_, PyAny>, skip_special_tokens: bool) -> PyResult<String> {
        let ids = read_ids(token_ids)?;
        let tokenizer = self.full.tokenizer();
        run(py, size_of_val(ids.as_slice()), || tokenizer.decode_like_tokenizers(&ids, skip_special_tokens))
    }

    fn decode_batch(
        &self,
        py: Python<'_>,
        sequences: &Bound<'_, PyAny>,
        skip_special_tokens: bool,
    ) -> PyResult<Vec<String>> {
        let sequences: Vec<Vec<u32>> = sequences.try_iter()?.map(|ids| read_ids(&ids?)).collect::<PyResult<_>>()?;
        let tokenizer = self.full.tokenizer();
        let pool = if sequences.len() > 16 { threads::pool(py)? } else { None };
        let one = |ids: &Vec<u32>| tokenizer.decode_like_tokenizers(ids, skip_special_tokens);
        run(py, usize::MAX, || match &pool {
            Some(pool) => pool.install(|| sequences.par_iter().map(one).collect()),
            None => sequences.iter().map(one).collect(),
        })
    }

    /// Finds added tokens in a text; see the core.
    fn find_added(&self, text: &PreTokenizedString, normalized: bool) -> PyResult<()> {
        text.change(|text| self.full.find_added(text, &self.settings.allowed, normalized))
    }

    /// The tokens of one piece, as the model finds them: ids, strings and bytes.
    fn tokenize(&self, piece: &str) -> PyResult<Vec<PieceToken>> {
        let tokens = self.full.tokenize(piece, self.settings.unrepresentable).map_err(refused)?;
        Ok(tokens.into_iter().map(|token| (token.id, token.value, token.offsets)).collect())
    }

    /// Gives every part of a text that has no tokens those that the model finds.
    fn tokenize_parts(&self, text: &PreTokenizedString) -> PyResult<()> {
        let policy = self.settings.unrepresentable;
        let tokenize = |part: &pipeline::NormalizedString| self.full.tokenize(part.normalized(), policy);
        text.change(|text| text.tokenize(tokenize))?.map_err(refused)
    }
}

/// Reads ids as the reference library does: out of range is an `OverflowError`.
fn read_ids(object: &Bound<'_, PyAny>) -> PyResult<Vec<u32>> {
    if let Ok(list) = object.cast::<PyList>() {
        return match crate::lists::read(list) {
            Some(ids) => Ok(ids),
            None => list.iter().map(|id| id.extract::<u32>()).collect(),
        };
    }
    if let Ok(sequence) = object.extract::<Vec<u32>>() {
        return Ok(sequence);
    }
    if object.hasattr("__array__")? {
        return ids::read(object);
    }
    object.extract::<Vec<u32>>()
}
