"""The exceptions of tokengrove.

Every error raised on purpose derives from :class:`TokengroveError` and from the built-in class a caller would expect,
so both ``except TokengroveError`` and ``except ValueError`` work. A value of the wrong type is a plain
:class:`TypeError`.
"""

__all__ = [
    "InternalError",
    "InvalidArgumentError",
    "InvalidTextError",
    "LogitsError",
    "PatternError",
    "RowByRowWarning",
    "TokengroveError",
    "UnknownTokenError",
    "UnsupportedTokenizerError",
    "VocabularyError",
]


class TokengroveError(Exception):
    """Base class of every error that tokengrove raises on purpose."""


class InvalidArgumentError(TokengroveError, ValueError):
    """An argument of the right type has a value outside what the function allows."""


class InvalidTextError(TokengroveError, ValueError):
    """A ``str`` holds a lone surrogate, which has no UTF-8 form and so no tokens."""


class LogitsError(TokengroveError, ValueError):
    """A model gave logits that no probabilities can be made of: too few, NaN, or all of them -inf."""


class PatternError(TokengroveError, ValueError):
    """A pretokenization pattern is neither a known name nor a valid regular expression."""


class UnknownTokenError(TokengroveError, KeyError):
    """An id or a token text is not in the vocabulary."""

    def __str__(self) -> str:
        """Give the message itself; :class:`KeyError` would show its ``repr``."""
        return Exception.__str__(self)


class VocabularyError(TokengroveError, ValueError):
    """A tokenizer file, or ranks given as a dictionary, do not describe a tokenizer."""


class UnsupportedTokenizerError(VocabularyError):
    """A well-formed tokenizer file describes something that tokengrove does not implement, such as a Unigram model."""


class InternalError(TokengroveError, RuntimeError):
    """A bug in tokengrove: the native code stopped in a state that was thought to be impossible. Please report it."""


class RowByRowWarning(UserWarning):
    """A model takes no mask of a token tree, so that each path of a tree costs a pass of its own."""
