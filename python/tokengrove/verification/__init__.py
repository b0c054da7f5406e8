"""Is a tokenizer exact? Compare it token for token with a reference library and shrink what differs.

The parts: :mod:`~tokengrove.verification.reference` makes the same tokenizer in ``tiktoken`` or ``tokenizers``,
:mod:`~tokengrove.verification.texts` makes texts that break tokenizers, :func:`compare` finds a difference and
:func:`minimise` makes it small.
"""

from tokengrove.verification.compare import Difference, compare
from tokengrove.verification.minimise import minimise
from tokengrove.verification.reference import REFERENCES, RankFile, Reference, UnavailableReferenceError, load_reference
from tokengrove.verification.texts import adversarial_texts, random_texts

__all__ = [
    "REFERENCES",
    "Difference",
    "RankFile",
    "Reference",
    "UnavailableReferenceError",
    "adversarial_texts",
    "compare",
    "load_reference",
    "minimise",
    "random_texts",
]
