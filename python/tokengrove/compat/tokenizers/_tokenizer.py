"""``Tokenizer``: vocabulary, encoding, decoding, files and training, on what ``_handle`` keeps and compiles."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokengrove._native import BpeModel, Encoding, PreTokenizedString
from tokengrove.compat.tokenizers import _load, _repr, models
from tokengrove.compat.tokenizers._added import AddedToken
from tokengrove.compat.tokenizers._handle import KINDS, Handle
from tokengrove.compat.tokenizers._settings import Padding, Truncation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from os import PathLike

__all__ = ["Tokenizer"]


class Tokenizer(Handle):
    """A tokenizer with the interface of Hugging Face tokenizers 0.23.

    Args:
        model: The model, a ``models.BPE``.
    """

    # --- vocabulary ----------------------------------------------------------------------------------------------

    def add_tokens(self, tokens: list[str | AddedToken]) -> int:
        """Add tokens.

        Args:
            tokens: Strings, or ``AddedToken`` for other properties.

        Returns:
            How many were added or changed.

        Raises:
            TypeError: If it is not a list of these.
        """
        return self._add([_token(token, special=False) for token in _list(tokens)])

    def add_special_tokens(self, tokens: list[str | AddedToken]) -> int:
        """Add tokens that decoding may skip.

        Args:
            tokens: Strings, or ``AddedToken`` for other properties.

        Returns:
            How many were added or changed.

        Raises:
            TypeError: If it is not a list of these.
        """
        return self._add([_token(token, special=True) for token in _list(tokens)])

    def _add(self, tokens: list[AddedToken]) -> int:
        added = self._added.add(tokens, self._model._native)
        if added:
            self._changed()
        return added

    def token_to_id(self, token: str) -> int | None:
        """Give the id of a token string, or None."""
        found = self._added.by_content.get(token)
        return self._model._native.token_to_id(token) if found is None else found

    def id_to_token(self, id: int) -> str | None:
        """Give the string of an id, or None; of an added token the form that is looked for."""
        token = self._added.by_id.get(id)
        if token is None:
            return self._model._native.id_to_token(id)
        normalizer = self._components["normalizer"]
        if token.normalized and normalizer is not None:
            form: str = normalizer.normalize_str(token.content)
            return form
        return token.content

    def get_vocab(self, with_added_tokens: bool = True) -> dict[str, int]:
        """Give a new dict from token strings to ids."""
        vocab = self._model._native.vocab()
        if with_added_tokens:
            vocab.update(self._added.by_content)
        return vocab

    def get_vocab_size(self, with_added_tokens: bool = True) -> int:
        """Give the number of tokens."""
        model = self._model._native
        size = len(model)
        if with_added_tokens:
            size += sum(model.token_to_id(token) is None for token in self._added.by_content)
        return size

    def get_added_tokens_decoder(self) -> dict[int, AddedToken]:
        """Give a new dict from ids to added tokens, in order of the ids."""
        return {number: token._copy() for number, token in sorted(self._added.by_id.items())}

    # --- encoding ------------------------------------------------------------------------------------------------

    def encode(
        self,
        sequence: Any,
        pair: Any = None,
        is_pretokenized: bool = False,
        add_special_tokens: bool = True,
    ) -> Encoding:
        """Encode one text or two that belong together.

        Args:
            sequence: A str, or, if ``is_pretokenized``, a list or tuple of them.
            pair: The second.
            is_pretokenized: Whether the text is in words.
            add_special_tokens: Whether to add what the post-processor adds.

        Returns:
            The tokens and everything that is known about them.

        Raises:
            TypeError: If the input is not of the type asked for.
        """
        compiled = self._ready()
        if compiled.custom:
            from tokengrove.compat.tokenizers import _staged

            return _staged.encode(self, compiled.core, sequence, pair, is_pretokenized, add_special_tokens)
        return compiled.core.encode(sequence, pair, is_pretokenized, add_special_tokens)

    def encode_batch(
        self, input: Sequence[Any], is_pretokenized: bool = False, add_special_tokens: bool = True
    ) -> list[Encoding]:
        """Encode several inputs, over several threads.

        Args:
            input: The inputs, each as for ``encode``, or a tuple or list of two.
            is_pretokenized: Whether they are in words.
            add_special_tokens: Whether to add what the post-processor adds.

        Returns:
            An encoding of each.

        Raises:
            TypeError: If an input is not of the type asked for.
        """
        return self._batch(input, is_pretokenized, add_special_tokens, fast=False)

    def encode_batch_fast(
        self, input: Sequence[Any], is_pretokenized: bool = False, add_special_tokens: bool = True
    ) -> list[Encoding]:
        """Encode several inputs to ids alone: offsets are (0, 0), strings empty and words None.

        Arguments, result and errors are those of ``encode_batch``.
        """
        return self._batch(input, is_pretokenized, add_special_tokens, fast=True)

    def _batch(self, batch: Any, is_pretokenized: bool, add_special_tokens: bool, fast: bool) -> list[Encoding]:
        compiled = self._ready()
        if compiled.custom:
            from tokengrove.compat.tokenizers import _staged

            return _staged.encode_batch(self, compiled.core, batch, is_pretokenized, add_special_tokens)
        return compiled.core.encode_batch(batch, is_pretokenized, add_special_tokens, fast)

    def post_process(
        self, encoding: Encoding, pair: Encoding | None = None, add_special_tokens: bool = True
    ) -> Encoding:
        """Truncate, add what the post-processor adds, and fill up.

        Args:
            encoding: An encoding.
            pair: A second one.
            add_special_tokens: Whether to add tokens at all.

        Returns:
            A new encoding.
        """
        return self._ready().core.post_process(encoding, pair, add_special_tokens)

    # --- decoding ------------------------------------------------------------------------------------------------

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """Give the text of ids; unknown ones are left out.

        Args:
            ids: The ids.
            skip_special_tokens: Whether special tokens are left out.

        Raises:
            OverflowError: If an id is negative or has more than 32 bits.
        """
        decoder = self._components["decoder"]
        if decoder is not None and decoder._is_custom():
            special = {token.content for token in self._added.by_id.values() if token.special}
            strings = [string for id in ids if (string := self.id_to_token(id)) is not None]
            kept = [string for string in strings if not (skip_special_tokens and string in special)]
            text: str = decoder.decode(kept)
            return text
        return self._ready().core.decode(ids, skip_special_tokens)

    def decode_batch(self, sequences: Sequence[Sequence[int]], skip_special_tokens: bool = True) -> list[str]:
        """Give the text of several lists of ids; see ``decode``."""
        decoder = self._components["decoder"]
        if decoder is not None and decoder._is_custom():
            return [self.decode(ids, skip_special_tokens) for ids in sequences]
        return self._ready().core.decode_batch(sequences, skip_special_tokens)

    # --- the same for asyncio ------------------------------------------------------------------------------------

    async def async_encode(
        self,
        sequence: Any,
        pair: Any = None,
        is_pretokenized: bool = False,
        add_special_tokens: bool = True,
    ) -> Encoding:
        """Do what ``encode`` does, in a thread."""
        return await asyncio.to_thread(self.encode, sequence, pair, is_pretokenized, add_special_tokens)

    async def async_encode_batch(
        self, input: Sequence[Any], is_pretokenized: bool = False, add_special_tokens: bool = True
    ) -> list[Encoding]:
        """Do what ``encode_batch`` does, in a thread."""
        return await asyncio.to_thread(self.encode_batch, input, is_pretokenized, add_special_tokens)

    async def async_encode_batch_fast(
        self, input: Sequence[Any], is_pretokenized: bool = False, add_special_tokens: bool = True
    ) -> list[Encoding]:
        """Do what ``encode_batch_fast`` does, in a thread."""
        return await asyncio.to_thread(self.encode_batch_fast, input, is_pretokenized, add_special_tokens)

    async def async_decode_batch(
        self, sequences: Sequence[Sequence[int]], skip_special_tokens: bool = True
    ) -> list[str]:
        """Do what ``decode_batch`` does, in a thread."""
        return await asyncio.to_thread(self.decode_batch, sequences, skip_special_tokens)

    # --- files ---------------------------------------------------------------------------------------------------

    @staticmethod
    def from_str(json: str) -> Tokenizer:
        """Load the text of a ``tokenizer.json``.

        Raises:
            Exception: If it is not one.
            UnsupportedTokenizerError: If its model is of another type than BPE.
        """
        return Tokenizer._load(json.encode())

    @staticmethod
    def from_buffer(buffer: bytes) -> Tokenizer:
        """Load the content of a ``tokenizer.json``.

        Raises:
            ValueError: If it is not one.
            UnsupportedTokenizerError: If its model is of another type than BPE.
        """
        try:
            return Tokenizer._load(bytes(buffer))
        except ValueError:
            raise
        except Exception as error:
            raise ValueError(f"Cannot instantiate Tokenizer from buffer: {error}") from error

    @staticmethod
    def from_file(path: str | PathLike[str]) -> Tokenizer:
        """Load a ``tokenizer.json``.

        Raises:
            Exception: If it is not one.
            OSError: If it cannot be read.
            UnsupportedTokenizerError: If its model is of another type than BPE.
        """
        return Tokenizer._load(Path(path).read_bytes())

    @staticmethod
    def from_pretrained(identifier: str, revision: str = "main", token: str | None = None) -> Tokenizer:
        """Load the ``tokenizer.json`` of a model of the Hugging Face Hub, by the package ``huggingface_hub``.

        Args:
            identifier: The name of the model.
            revision: A branch, tag or commit.
            token: An access token.
        """
        from huggingface_hub import hf_hub_download

        return Tokenizer.from_file(hf_hub_download(identifier, "tokenizer.json", revision=revision, token=token))

    @classmethod
    def _load(cls, data: bytes) -> Tokenizer:
        native, rest = BpeModel.open(data)
        parts = json.loads(rest)
        made = cls(models.BPE._of(native))
        made._components = {kind: _load.component(kind, parts.get(kind)) for kind in KINDS}
        tokens = [
            AddedToken(**{k: v for k, v in token.items() if k in _FLAGS}) for token in parts.get("added_tokens") or ()
        ]
        made._added.add(tokens, native)
        if parts.get("truncation") is not None:
            made._truncation = Truncation.of_json(parts["truncation"])
        if parts.get("padding") is not None:
            made._padding = Padding.of_json(parts["padding"])
        return made

    def _head(self) -> dict[str, Any]:
        """The JSON form without the model."""
        added = [{"id": number, **token.__getstate__()} for number, token in sorted(self._added.by_id.items())]
        return {
            "version": "1.0",
            "truncation": None if self._truncation is None else self._truncation.json(),
            "padding": None if self._padding is None else self._padding.json(),
            "added_tokens": added,
            **{kind: None if one is None else one._json() for kind, one in self._components.items()},
        }

    def to_str(self, pretty: bool = False) -> str:
        """Give the ``tokenizer.json`` as text, byte for byte as the reference library writes it.

        Args:
            pretty: Whether to indent it.

        Raises:
            Exception: If a component is written in Python.
        """
        if pretty:
            head = json.dumps(self._head(), ensure_ascii=False, indent=2)
            return f'{head[:-2]},\n  "model": {self._model._text(2)}\n}}'
        head = json.dumps(self._head(), ensure_ascii=False, separators=(",", ":"))
        return f'{head[:-1]},"model":{self._model._text()}}}'

    def save(self, path: str | PathLike[str], pretty: bool = True) -> None:
        """Write the ``tokenizer.json``.

        Args:
            path: Where.
            pretty: Whether to indent it.
        """
        Path(path).write_text(self.to_str(pretty), encoding="utf-8")

    # --- training ------------------------------------------------------------------------------------------------

    def train(self, files: Sequence[str], trainer: Any = None) -> None:
        """Train a new vocabulary on files, line by line, and use it.

        Args:
            files: Their paths.
            trainer: What to train, or None for what the model says.
        """
        from tokengrove.compat.tokenizers import _training

        _training.train(self, _training.lines(files), trainer)

    def train_from_iterator(self, iterator: Iterable[Any], trainer: Any = None, length: int | None = None) -> None:
        """Train a new vocabulary on texts, and use it.

        Args:
            iterator: Texts, or lists of texts.
            trainer: What to train, or None for what the model says.
            length: How many there are, for progress.
        """
        from tokengrove.compat.tokenizers import _training

        _training.train(self, _training.texts(iterator), trainer)

    def _pieces(self, text: str) -> list[str]:
        """The pieces of a text, as a trainer counts them."""
        core = self._ready().core
        parts = PreTokenizedString(text)
        core.find_added(parts, False)
        normalizer, pre_tokenizer = self.normalizer, self.pre_tokenizer
        if normalizer is not None:
            parts.normalize(normalizer.normalize)
        core.find_added(parts, True)
        if pre_tokenizer is not None:
            pre_tokenizer.pre_tokenize(parts)
        return [piece for piece, _, _ in parts.get_splits()]

    # --- Python --------------------------------------------------------------------------------------------------

    def __getstate__(self) -> bytes:
        """Give the JSON form as bytes."""
        return self.to_str().encode()

    def __setstate__(self, state: bytes) -> None:
        """Become what a JSON form says."""
        self.__dict__.update(Tokenizer._load(state).__dict__)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the JSON form."""
        return _unpickle, (type(self), self.__getstate__(), self._encode_special_tokens)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tokenizer:
        """Copy the tokenizer; what is compiled is shared until one of them changes."""
        import copy

        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._components = copy.deepcopy(self._components, memo)
        other._model = models.BPE._of(self._model._native)
        other._added = self._added.copy()
        return other

    def __repr__(self) -> str:
        """Show the tokenizer."""
        return _repr.tokenizer(self, _repr.LONG)

    def __str__(self) -> str:
        """Show the tokenizer, long lists cut off."""
        return _repr.tokenizer(self, _repr.SHORT)


_FLAGS = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")


def _unpickle(cls: type[Tokenizer], state: bytes, encode_special_tokens: bool) -> Tokenizer:
    made = cls._load(state)
    made._encode_special_tokens = encode_special_tokens
    return made


def _list(tokens: Any) -> list[Any]:
    if not isinstance(tokens, list):
        raise TypeError(f"'{type(tokens).__name__}' object is not an instance of 'list'")
    return tokens


def _token(token: Any, special: bool) -> AddedToken:
    if isinstance(token, str):
        return AddedToken(token, special=special)
    if type(token).__name__ == "AddedToken" and hasattr(token, "__getstate__"):
        if special:
            token.special = True
        return token._copy() if isinstance(token, AddedToken) else AddedToken(**token.__getstate__())
    raise TypeError("Input must be a List[Union[str, AddedToken]]")
