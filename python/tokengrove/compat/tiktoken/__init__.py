"""A drop-in for tiktoken 0.14 on tokengrove's encoder.

Change the import, and nothing else::

    import tokengrove.compat.tiktoken as tiktoken

    encoding = tiktoken.get_encoding("o200k_base")
    encoding.encode("hello world")

or, for a library that imports tiktoken itself, call :func:`install` before it does. An encoding that already exists,
also one built by hand, is taken over with :meth:`Encoding.from_tiktoken`.

Rank files come from the folders named in ``TOKENGROVE_VOCAB_DIR`` or from tiktoken's own cache; they are downloaded
only if ``TOKENGROVE_ALLOW_DOWNLOAD=1`` (see :mod:`tokengrove.compat.tiktoken.load`).

What differs on purpose, where tiktoken 0.14 stops the program with an uncatchable panic, depends on chance, or is
worse for it (``docs/tiktoken.md`` has the whole list with reasons):

* Ranks that miss one of the 256 bytes, share an id or are empty raise ``ValueError`` at construction (tiktoken: panic
  at construction or when the byte comes).
* Input that exhausts a backtracking regex (a million spaces with o200k_base) encodes, patterns that match nothing at a
  place give no token there, and ``_encode_single_piece("")`` gives ``[]`` (tiktoken: panic).
* Of special tokens that begin at the same place the longest counts; of those that share an id the first is decoded to
  (tiktoken: whichever its hash table lists first).
* ``encode_with_unstable`` lists its completions in id order (tiktoken: in no order).
* Failed size checks of ``Encoding`` say which numbers differ, also under ``python -O``; they are still
  ``AssertionError``.
* Local rank files are read anew each time (tiktoken copies them to its cache and then misses changes).
* ``dump_tiktoken_bpe`` and the educational module need no further package.
* An encoding that was unpickled by name pickles by name again (tiktoken: with all of its vocabulary).
"""

from tokengrove.compat.tiktoken._swap import install as install
from tokengrove.compat.tiktoken._swap import uninstall as uninstall
from tokengrove.compat.tiktoken.core import Encoding as Encoding
from tokengrove.compat.tiktoken.model import encoding_for_model as encoding_for_model
from tokengrove.compat.tiktoken.model import encoding_name_for_model as encoding_name_for_model
from tokengrove.compat.tiktoken.registry import get_encoding as get_encoding
from tokengrove.compat.tiktoken.registry import list_encoding_names as list_encoding_names
from tokengrove.compat.tiktoken.version import __version__ as __version__
