"""Byte-level probabilities, scores, sampling and ensembles from a model of tokens.

A model of tokens answers wrongly where a prompt ends inside a token, and two models with different vocabularies cannot
be mixed. :class:`ByteLM` gives the exact distribution of the next byte instead; see docs/next_byte.md. A callable model
needs NumPy alone; models of the transformers library need the extra ``transformers``.
"""

from tokengrove.next_byte.ensemble import ByteEnsemble, EnsembleState
from tokengrove.next_byte.generation import Generated
from tokengrove.next_byte.harness import HarnessAdapter
from tokengrove.next_byte.model import END, ByteLM, ByteScores
from tokengrove.next_byte.processor import CanonicalLogitsProcessor
from tokengrove.next_byte.state import ByteState, Cover

__all__ = [
    "END",
    "ByteEnsemble",
    "ByteLM",
    "ByteScores",
    "ByteState",
    "CanonicalLogitsProcessor",
    "Cover",
    "EnsembleState",
    "Generated",
    "HarnessAdapter",
]
