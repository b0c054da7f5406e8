"""Folders whose tests all need a package that the base install leaves out are not collected without it."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec
from pathlib import Path

NEEDED = {
    "forward": ("torch", "transformers"),
    "speculative": ("torch", "transformers"),
    "integrations/test_transformers_generate.py": ("torch", "transformers"),
}
"""Folder or file, and the packages that its tests import."""

MISSING = {
    folder: absent for folder, needed in NEEDED.items() if (absent := [name for name in needed if not find_spec(name)])
}

collect_ignore = list(MISSING)

# Triton reads this when it is first imported. Its interpreter runs kernels where there is no GPU to compile them for.
if not Path("/dev/nvidiactl").exists():
    os.environ.setdefault("TRITON_INTERPRET", "1")

# A shell that starts a command in the background makes it ignore Ctrl-C, and the processes that tests start and
# interrupt would ignore it, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> list[str]:
    return [f"not collected: {folder}, for want of {', '.join(absent)}" for folder, absent in MISSING.items()]
