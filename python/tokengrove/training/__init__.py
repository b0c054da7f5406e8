"""Training: exact byte-pair encoding from text or from counts, superwords, and how large a vocabulary should be.

All that training needs of a text is how often each of its pieces occurs. :func:`count_pretokens` finds that out, and
:class:`PretokenCounts` of several files, machines or days add up; :func:`train_bpe` takes text or counts and gives the
same tokenizer for both.
"""

from tokengrove.training.counts import PretokenCounts, count_pretokens
from tokengrove.training.export import write_tiktoken
from tokengrove.training.files import FileTexts, read_texts
from tokengrove.training.resizing import Resized, extend, prune
from tokengrove.training.sizes import characters_to_tokens, optimal_vocab_size
from tokengrove.training.stages import Stage
from tokengrove.training.trainer import TrainingProgress, train_bpe

__all__ = [
    "FileTexts",
    "PretokenCounts",
    "Resized",
    "Stage",
    "TrainingProgress",
    "characters_to_tokens",
    "count_pretokens",
    "extend",
    "optimal_vocab_size",
    "prune",
    "read_texts",
    "train_bpe",
    "write_tiktoken",
]
