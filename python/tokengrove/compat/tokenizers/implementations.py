"""Tokenizers of published kinds, ready to be trained or filled with a vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tokengrove.compat.tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokengrove.compat.tokenizers._added import AddedToken
from tokengrove.compat.tokenizers._tokenizer import Tokenizer
from tokengrove.errors import UnsupportedTokenizerError

__all__ = [
    "BaseTokenizer",
    "BertWordPieceTokenizer",
    "ByteLevelBPETokenizer",
    "CharBPETokenizer",
    "SentencePieceBPETokenizer",
    "SentencePieceUnigramTokenizer",
]

Vocab = dict[str, int] | str
Merges = Sequence[tuple[str, str]] | str


class BaseTokenizer:
    """A tokenizer with the parameters it was made with.

    Everything that a ``Tokenizer`` has is there too.

    Args:
        tokenizer: The tokenizer.
        parameters: The parameters, for showing.
    """

    def __init__(self, tokenizer: Tokenizer, parameters: dict[str, Any] | None = None) -> None:
        self._tokenizer = tokenizer
        self._parameters = parameters or {}

    def __getattr__(self, name: str) -> Any:
        """Give what the tokenizer has."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.__dict__["_tokenizer"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set components at the tokenizer."""
        if isinstance(getattr(Tokenizer, name, None), property):
            setattr(self._tokenizer, name, value)
        else:
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        """Show the size of the vocabulary and the parameters."""
        shown = ", ".join(f"{name}={value}" for name, value in self._parameters.items())
        return f"Tokenizer(vocabulary_size={self._tokenizer.get_vocab_size()}, {shown})"

    def normalize(self, sequence: str) -> str:
        """Give the normalized form of a text."""
        normalizer = self._tokenizer.normalizer
        text: str = sequence if normalizer is None else normalizer.normalize_str(sequence)
        return text

    def save_model(self, directory: str, prefix: str | None = None) -> list[str]:
        """Write the model's files; see ``models.BPE.save``."""
        paths: list[str] = self._tokenizer.model.save(directory, prefix=prefix)
        return paths

    def _train(self, source: Iterable[Any] | str | list[str], files: bool, trainer: trainers.BpeTrainer) -> None:
        if files:
            self._tokenizer.train([source] if isinstance(source, str) else list(source), trainer=trainer)
        else:
            self._tokenizer.train_from_iterator(source, trainer=trainer)


def _model(vocab: Vocab | None, merges: Merges | None, **options: Any) -> models.BPE:
    if vocab is None or merges is None:
        return models.BPE(**options)
    return models.BPE(vocab, merges, **options)


class ByteLevelBPETokenizer(BaseTokenizer):
    """A tokenizer as of GPT-2.

    Args:
        vocab: Token strings and ids, or the path of a JSON file of them.
        merges: Pairs of strings, or the path of a file of them.
        add_prefix_space: Whether a text that does not begin with a space gets one.
        lowercase: Whether everything becomes lower case.
        dropout: The probability that a merge is left out.
        unicode_normalizer: nfc, nfd, nfkc or nfkd.
        continuing_subword_prefix: As for ``models.BPE``.
        end_of_word_suffix: As for ``models.BPE``.
        trim_offsets: Whether offsets leave white space out.
    """

    def __init__(
        self,
        vocab: Vocab | None = None,
        merges: Merges | None = None,
        add_prefix_space: bool = False,
        lowercase: bool = False,
        dropout: float | None = None,
        unicode_normalizer: str | None = None,
        continuing_subword_prefix: str | None = None,
        end_of_word_suffix: str | None = None,
        trim_offsets: bool = False,
    ) -> None:
        affixes = (continuing_subword_prefix or "", end_of_word_suffix or "")
        model = _model(
            vocab, merges, dropout=dropout, continuing_subword_prefix=affixes[0], end_of_word_suffix=affixes[1]
        )
        tokenizer = Tokenizer(model)
        chain: list[normalizers.Normalizer] = []
        if unicode_normalizer:
            chain.append(normalizers.unicode_normalizer_from_str(unicode_normalizer))
        if lowercase:
            chain.append(normalizers.Lowercase())
        if chain:
            tokenizer.normalizer = normalizers.Sequence(chain) if len(chain) > 1 else chain[0]
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=trim_offsets)
        parameters = {
            "model": "ByteLevelBPE",
            "add_prefix_space": add_prefix_space,
            "lowercase": lowercase,
            "dropout": dropout,
            "unicode_normalizer": unicode_normalizer,
            "continuing_subword_prefix": continuing_subword_prefix,
            "end_of_word_suffix": end_of_word_suffix,
            "trim_offsets": trim_offsets,
        }
        super().__init__(tokenizer, parameters)

    @staticmethod
    def from_file(vocab_filename: str, merges_filename: str, **kwargs: Any) -> ByteLevelBPETokenizer:
        """Make a tokenizer of ``vocab.json`` and ``merges.txt``; keywords as for the class."""
        vocab, merges = models.BPE.read_file(vocab_filename, merges_filename)
        return ByteLevelBPETokenizer(vocab, merges, **kwargs)

    def train(
        self,
        files: str | list[str],
        vocab_size: int = 30000,
        min_frequency: int = 2,
        show_progress: bool = True,
        special_tokens: Sequence[str | AddedToken] = (),
    ) -> None:
        """Train on files."""
        self._train(files, True, self._trainer(vocab_size, min_frequency, show_progress, special_tokens))

    def train_from_iterator(
        self,
        iterator: Iterable[Any],
        vocab_size: int = 30000,
        min_frequency: int = 2,
        show_progress: bool = True,
        special_tokens: Sequence[str | AddedToken] = (),
        length: int | None = None,
    ) -> None:
        """Train on texts."""
        self._train(iterator, False, self._trainer(vocab_size, min_frequency, show_progress, special_tokens))

    @staticmethod
    def _trainer(
        vocab_size: int, min_frequency: int, show_progress: bool, special_tokens: Sequence[str | AddedToken]
    ) -> trainers.BpeTrainer:
        return trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=min_frequency,
            show_progress=show_progress,
            special_tokens=special_tokens,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        )


class _TrainedByKeywords(BaseTokenizer):
    """Tokenizers whose training takes the keywords of ``trainers.BpeTrainer``."""

    def train(self, files: str | list[str], **kwargs: Any) -> None:
        """Train on files; keywords as for ``trainers.BpeTrainer``."""
        self._train(files, True, self._trainer(kwargs))

    def train_from_iterator(self, iterator: Iterable[Any], length: int | None = None, **kwargs: Any) -> None:
        """Train on texts; keywords as for ``trainers.BpeTrainer``."""
        self._train(iterator, False, self._trainer(kwargs))

    @staticmethod
    def _trainer(kwargs: dict[str, Any]) -> trainers.BpeTrainer:
        """The trainer with the defaults of this kind of tokenizer."""
        return trainers.BpeTrainer(
            **{"min_frequency": 2, "special_tokens": ["<unk>"], "limit_alphabet": 1000, **kwargs}
        )


class CharBPETokenizer(_TrainedByKeywords):
    """A tokenizer as of the first GPT: words end in a suffix.

    Args:
        vocab: Token strings and ids, or the path of a JSON file of them.
        merges: Pairs of strings, or the path of a file of them.
        unk_token: The token for unknown characters.
        suffix: Put after the last symbol of a word.
        dropout: The probability that a merge is left out.
        lowercase: Whether everything becomes lower case.
        unicode_normalizer: nfc, nfd, nfkc or nfkd.
        bert_normalizer: Whether to do to text what BERT does.
        split_on_whitespace_only: Whether to split at white space only, and not at punctuation.
    """

    def __init__(
        self,
        vocab: Vocab | None = None,
        merges: Merges | None = None,
        unk_token: str | AddedToken = "<unk>",
        suffix: str = "</w>",
        dropout: float | None = None,
        lowercase: bool = False,
        unicode_normalizer: str | None = None,
        bert_normalizer: bool = True,
        split_on_whitespace_only: bool = False,
    ) -> None:
        model = _model(vocab, merges, dropout=dropout, unk_token=str(unk_token), end_of_word_suffix=suffix)
        tokenizer = Tokenizer(model)
        if tokenizer.token_to_id(str(unk_token)) is not None:
            tokenizer.add_special_tokens([str(unk_token)])
        chain: list[normalizers.Normalizer] = []
        if unicode_normalizer:
            chain.append(normalizers.unicode_normalizer_from_str(unicode_normalizer))
        if bert_normalizer:
            chain.append(normalizers.BertNormalizer(lowercase=False))
        if lowercase:
            chain.append(normalizers.Lowercase())
        if chain:
            tokenizer.normalizer = normalizers.Sequence(chain) if len(chain) > 1 else chain[0]
        tokenizer.pre_tokenizer = (
            pre_tokenizers.WhitespaceSplit() if split_on_whitespace_only else pre_tokenizers.BertPreTokenizer()
        )
        tokenizer.decoder = decoders.BPEDecoder(suffix=suffix)
        parameters = {
            "model": "BPE",
            "unk_token": unk_token,
            "suffix": suffix,
            "dropout": dropout,
            "lowercase": lowercase,
            "unicode_normalizer": unicode_normalizer,
            "bert_normalizer": bert_normalizer,
            "split_on_whitespace_only": split_on_whitespace_only,
        }
        super().__init__(tokenizer, parameters)

    @staticmethod
    def from_file(vocab_filename: str, merges_filename: str, **kwargs: Any) -> CharBPETokenizer:
        """Make a tokenizer of ``vocab.json`` and ``merges.txt``; keywords as for the class."""
        vocab, merges = models.BPE.read_file(vocab_filename, merges_filename)
        return CharBPETokenizer(vocab, merges, **kwargs)

    @staticmethod
    def _trainer(kwargs: dict[str, Any]) -> trainers.BpeTrainer:
        settings = dict(kwargs)
        settings["end_of_word_suffix"] = settings.pop("suffix", "</w>")
        return _TrainedByKeywords._trainer(settings)


class SentencePieceBPETokenizer(_TrainedByKeywords):
    """A tokenizer as of SentencePiece's BPE: spaces are visible.

    Args:
        vocab: Token strings and ids, or the path of a JSON file of them.
        merges: Pairs of strings, or the path of a file of them.
        unk_token: The token for unknown characters.
        replacement: What stands for a space.
        add_prefix_space: Whether every piece gets one.
        dropout: The probability that a merge is left out.
        fuse_unk: Whether a run of unknown characters gives one unknown token.
    """

    def __init__(
        self,
        vocab: Vocab | None = None,
        merges: Merges | None = None,
        unk_token: str | AddedToken = "<unk>",
        replacement: str = "▁",
        add_prefix_space: bool = True,
        dropout: float | None = None,
        fuse_unk: bool | None = False,
    ) -> None:
        model = _model(vocab, merges, dropout=dropout, unk_token=str(unk_token), fuse_unk=bool(fuse_unk))
        tokenizer = Tokenizer(model)
        if tokenizer.token_to_id(str(unk_token)) is not None:
            tokenizer.add_special_tokens([str(unk_token)])
        scheme = "always" if add_prefix_space else "never"
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=replacement, prepend_scheme=scheme)
        tokenizer.decoder = decoders.Metaspace(replacement=replacement, prepend_scheme=scheme)
        parameters = {
            "model": "SentencePieceBPE",
            "unk_token": unk_token,
            "replacement": replacement,
            "add_prefix_space": add_prefix_space,
            "dropout": dropout,
        }
        super().__init__(tokenizer, parameters)

    @staticmethod
    def from_file(vocab_filename: str, merges_filename: str, **kwargs: Any) -> SentencePieceBPETokenizer:
        """Make a tokenizer of ``vocab.json`` and ``merges.txt``; keywords as for the class."""
        vocab, merges = models.BPE.read_file(vocab_filename, merges_filename)
        return SentencePieceBPETokenizer(vocab, merges, **kwargs)


class _Unsupported(BaseTokenizer):
    """A tokenizer whose model tokengrove does not have."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise UnsupportedTokenizerError(
            f"{type(self).__name__}: tokengrove has models of type BPE only. Use the package tokenizers itself."
        )

    @classmethod
    def from_file(cls, *args: Any, **kwargs: Any) -> _Unsupported:
        """Raise the same error."""
        return cls(*args, **kwargs)


class BertWordPieceTokenizer(_Unsupported):
    """Not supported: making one raises an error."""


class SentencePieceUnigramTokenizer(_Unsupported):
    """Not supported: making one raises an error."""
