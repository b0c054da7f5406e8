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
worse for it:

* Ranks that miss one of the 256 bytes, or share an id, raise ``ValueError`` at construction (tiktoken: panic at
  encode).
* Input that exhausts a backtracking regex (a million spaces with o200k_base) encodes (tiktoken: panic).
* ``_encode_single_piece("")`` gives ``[]`` (tiktoken: panic); a token without bytes has an offset (tiktoken:
  IndexError).
* Of special tokens that begin at the same place the longest counts (tiktoken: whichever its hash table lists first).
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
