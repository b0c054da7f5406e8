"""Lossless speculative decoding without a draft model: several tokens for one forward pass of the target.

Needs the extra ``torch``. See docs/speculative.md.
"""

from tokengrove.speculative.drafters import Candidates, Drafter, DraftSession, PromptLookup
from tokengrove.speculative.loop import GenerationResult, generate
from tokengrove.speculative.recycling import TokenRecycling
from tokengrove.speculative.stats import GenerationStats

__all__ = [
    "Candidates",
    "DraftSession",
    "Drafter",
    "GenerationResult",
    "GenerationStats",
    "PromptLookup",
    "TokenRecycling",
    "generate",
]
