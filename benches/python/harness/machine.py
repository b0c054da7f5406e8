"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any


def describe() -> dict[str, Any]:
    """Describe the machine.

    Returns:
        Processor, cores, memory, system, Python, the load at the time, and the commit of the checkout.
    """
    return {
        "cpu": _processor(),
        "cores": os.cpu_count() or 0,
        "vector_extensions": _vector_extensions(),
        "memory_bytes": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "load_average": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else [],
        "commit": _commit(),
    }


def _cpu_info(field: str) -> str:
    path = Path("/proc/cpuinfo")
    for line in path.read_text().splitlines() if path.is_file() else []:
        name, _, value = line.partition(":")
        if name.strip() == field:
            return value.strip()
    return ""


def _processor() -> str:
    return _cpu_info("model name") or platform.processor() or "unknown"


def _vector_extensions() -> str:
    flags = set((_cpu_info("flags") or _cpu_info("Features")).split())
    wanted = ("avx512_vbmi2", "avx512bw", "avx2", "asimd", "sve")
    return " ".join(flag for flag in wanted if flag in flags)


def _memory() -> int:
    if not hasattr(os, "sysconf"):
        return 0
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def _commit() -> str:
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip()
