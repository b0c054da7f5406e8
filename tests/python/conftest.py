"""Folders whose tests all need a package that the base install leaves out are not collected without it."""

from __future__ import annotations

from importlib.util import find_spec

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


def pytest_report_header() -> list[str]:
    return [f"not collected: {folder}, for want of {', '.join(absent)}" for folder, absent in MISSING.items()]
