"""A drop-in for Hugging Face tokenizers 0.23 for BPE models, on tokengrove's encoder.

Change the import, and nothing else::

    from tokengrove.compat.tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file("tokenizer.json")
    encoding = tokenizer.encode("hello world")
    encoding.ids, encoding.offsets

Names, signatures, results and most errors are those of the original; ``docs/tokenizers.md`` lists what differs, with
reasons. Beyond the original, an encoding offers its lists as NumPy arrays (``ids_array``, ``offsets_array`` and so on),
and any number of threads may use a tokenizer while another changes it.
"""

from enum import Enum

from tokengrove._native import Encoding as Encoding
from tokengrove._native import NormalizedString as NormalizedString
from tokengrove._native import PreTokenizedString as PreTokenizedString
from tokengrove._native import Regex as Regex
from tokengrove._native import Token as Token
from tokengrove.compat.tokenizers import decoders as decoders
from tokengrove.compat.tokenizers import models as models
from tokengrove.compat.tokenizers import normalizers as normalizers
from tokengrove.compat.tokenizers import pre_tokenizers as pre_tokenizers
from tokengrove.compat.tokenizers import processors as processors
from tokengrove.compat.tokenizers import trainers as trainers
from tokengrove.compat.tokenizers._added import AddedToken as AddedToken
from tokengrove.compat.tokenizers._swap import install as install
from tokengrove.compat.tokenizers._swap import uninstall as uninstall
from tokengrove.compat.tokenizers._tokenizer import Tokenizer as Tokenizer
from tokengrove.compat.tokenizers.implementations import BertWordPieceTokenizer as BertWordPieceTokenizer
from tokengrove.compat.tokenizers.implementations import ByteLevelBPETokenizer as ByteLevelBPETokenizer
from tokengrove.compat.tokenizers.implementations import CharBPETokenizer as CharBPETokenizer
from tokengrove.compat.tokenizers.implementations import SentencePieceBPETokenizer as SentencePieceBPETokenizer
from tokengrove.compat.tokenizers.implementations import (
    SentencePieceUnigramTokenizer as SentencePieceUnigramTokenizer,
)

__version__ = "0.23.3"
"""The version of tokenizers whose behaviour this has."""

Offsets = tuple[int, int]
TextInputSequence = str
PreTokenizedInputSequence = list[str] | tuple[str, ...]
TextEncodeInput = TextInputSequence | tuple[TextInputSequence, TextInputSequence] | list[TextInputSequence]
PreTokenizedEncodeInput = (
    PreTokenizedInputSequence
    | tuple[PreTokenizedInputSequence, PreTokenizedInputSequence]
    | list[PreTokenizedInputSequence]
)
InputSequence = TextInputSequence | PreTokenizedInputSequence
EncodeInput = TextEncodeInput | PreTokenizedEncodeInput


class OffsetReferential(Enum):
    """What offsets count in."""

    ORIGINAL = "original"
    NORMALIZED = "normalized"


class OffsetType(Enum):
    """What offsets count."""

    BYTE = "byte"
    CHAR = "char"


class SplitDelimiterBehavior(Enum):
    """What a split does with the text that its pattern matched."""

    REMOVED = "removed"
    ISOLATED = "isolated"
    MERGED_WITH_PREVIOUS = "merged_with_previous"
    MERGED_WITH_NEXT = "merged_with_next"
    CONTIGUOUS = "contiguous"
