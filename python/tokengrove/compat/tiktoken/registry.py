"""Encodings by name, and the plugins that add names.

A plugin is a module in the namespace package ``tiktoken_ext`` with a dict ``ENCODING_CONSTRUCTORS`` from a name to a
function without arguments that returns the arguments of :class:`Encoding`. Plugins written for tiktoken work here.
Its own plugin, ``tiktoken_ext.openai_public``, is replaced by :mod:`tokengrove.compat.tiktoken.openai_public`.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import threading
from collections.abc import Callable, Sequence
from typing import Any

from tokengrove.compat.tiktoken import openai_public
from tokengrove.compat.tiktoken.core import Encoding
from tokengrove.compat.tiktoken.load import read_file_cached
from tokengrove.compat.tiktoken.version import __version__

_lock = threading.RLock()

ENCODINGS: dict[str, Encoding] = {}
"""The encodings made so far."""

ENCODING_CONSTRUCTORS: dict[str, Callable[[], dict[str, Any]]] | None = None
"""All known names and how to make them; None until first asked for."""

_REPLACED = "tiktoken_ext.openai_public"


@functools.lru_cache
def _available_plugin_modules() -> Sequence[str]:
    """Give the names of the modules that define encodings; they are not imported for it."""
    try:
        plugins = importlib.import_module("tiktoken_ext").__path__
    except ImportError:
        return [openai_public.__name__]
    found = [module.name for module in pkgutil.iter_modules(plugins, "tiktoken_ext.")]
    return [openai_public.__name__, *(name for name in found if name != _REPLACED)]


def _find_constructors() -> None:
    """Fill :data:`ENCODING_CONSTRUCTORS`; after an error it is None still, so the next call gives the same error."""
    global ENCODING_CONSTRUCTORS
    with _lock:
        if ENCODING_CONSTRUCTORS is not None:
            return
        constructors: dict[str, Callable[[], dict[str, Any]]] = {}
        for module_name in _available_plugin_modules():
            module = importlib.import_module(module_name)
            try:
                offered = module.ENCODING_CONSTRUCTORS
            except AttributeError as error:
                raise ValueError(f"tiktoken plugin {module_name} does not define ENCODING_CONSTRUCTORS") from error
            for name, constructor in offered.items():
                if name in constructors:
                    raise ValueError(f"Duplicate encoding name {name} in tiktoken plugin {module_name}")
                constructors[name] = constructor
        ENCODING_CONSTRUCTORS = constructors


def _constructors() -> dict[str, Callable[[], dict[str, Any]]]:
    if ENCODING_CONSTRUCTORS is None:
        _find_constructors()
    return ENCODING_CONSTRUCTORS or {}


def get_encoding(encoding_name: str) -> Encoding:
    """Give an encoding by name.

    Args:
        encoding_name: One of :func:`list_encoding_names`.

    Returns:
        The encoding, the same object on every call.

    Raises:
        ValueError: If the name is unknown or not a string, or a plugin is broken.
        VocabularyNotFoundError: If its rank file is not on this machine and may not be downloaded.
    """
    if not isinstance(encoding_name, str):
        raise ValueError(f"Expected a string in get_encoding, got {type(encoding_name)}")
    made = ENCODINGS.get(encoding_name)
    if made is not None:
        return made
    with _lock:
        made = ENCODINGS.get(encoding_name)
        if made is not None:
            return made
        constructor = _constructors().get(encoding_name)
        if constructor is None:
            raise ValueError(
                f"Unknown encoding {encoding_name}.\n"
                f"Plugins found: {_available_plugin_modules()}\n"
                f"tiktoken version: {__version__} (are you on latest?)"
            )
        if constructor is openai_public.ENCODING_CONSTRUCTORS.get(encoding_name):
            encoding = _from_published(encoding_name)
        else:
            encoding = Encoding(**constructor())
        ENCODINGS[encoding_name] = encoding
        return encoding


def _from_published(encoding_name: str) -> Encoding:
    """Make one of our own encodings, from its rank file directly where it has one."""
    published = openai_public.PUBLISHED.get(encoding_name)
    if published is None:
        return Encoding(**openai_public.ENCODING_CONSTRUCTORS[encoding_name]())
    return Encoding._from_rank_file(
        published.name,
        contents=read_file_cached(published.address, published.file_hash),
        pat_str=published.pattern,
        special_tokens=dict(published.special_tokens),
        explicit_n_vocab=published.n_vocab,
    )


def list_encoding_names() -> list[str]:
    """Give the names of all known encodings, of this package first, then of plugins."""
    with _lock:
        return list(_constructors())
