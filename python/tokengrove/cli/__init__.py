"""The command line: ``tokengrove encode | decode | count | inspect | verify | bench | demo``.

:func:`main` is the entry point of the ``tokengrove`` command and of ``python -m tokengrove``; nothing else here is
public.
"""

from tokengrove.cli.main import main

__all__ = ["main"]
