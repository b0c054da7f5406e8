"""Make ``docs/speculative_figures.md`` from the result files of `speculation.py`.

Usage: ``python benches/python/speculation_report.py [FILE ...] [--write | --check]``. Without files, those called
``speculation-*.json`` in ``benches/results`` are taken; without an option the page is printed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benches" / "results"
PAGE = ROOT / "docs" / "speculative_figures.md"
PHASES = ("draft", "forward", "verify", "learn")

Row = dict[str, Any]


class Bar(NamedTuple):
    """What was set as a goal before anything was measured.

    Attributes:
        models: For which models.
        budget: At how many drafted nodes.
        state: Cold or warm.
        against: Which method is compared with.
        ratio: How many times its mean is the goal.
    """

    models: tuple[str, ...]
    budget: int
    state: str
    against: str
    ratio: float


SMALL = ("stories260K", "bitstories3M")
BARS = (
    Bar(SMALL, 80, "cold", "static-80", 1.5),
    Bar(SMALL, 80, "cold", "sam-switch", 1.3),
    Bar(SMALL, 80, "warm", "static-80", 1.8),
    Bar(SMALL, 80, "warm", "sam-switch", 1.3),
    *(Bar(SMALL, 16, state, name, 1.15) for state in ("cold", "warm") for name in ("static-80", "sam-switch")),
    *(Bar(("default",), 80, state, "static-80", 1.15) for state in ("cold", "warm")),
    *(Bar(("default",), 16, state, "static-80", 1.2) for state in ("cold", "warm")),
)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and half the width of its 95 % confidence interval."""
    if not values:
        return math.nan, math.nan
    return mean(values), (1.96 * stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """Ratio of two means over the same texts, and half the width of its 95 % interval by the delta method."""
    found = mean(ours) / mean(theirs)
    if len(ours) != len(theirs) or len(ours) < 2:
        return found, math.nan
    rest = [a - found * b for a, b in zip(ours, theirs, strict=True)]
    return found, 1.96 * stdev(rest) / math.sqrt(len(rest)) / mean(theirs)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table: names on the left, figures on the right."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "--:|" * (len(header) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


class Figures:
    """Rows of some result files."""

    def __init__(self, records: Sequence[dict[str, Any]]) -> None:
        self.about = records[0]["about"]
        self.rows: list[Row] = [row for record in records for row in record["rows"]]

    def find(self, **wanted: Any) -> Row | None:
        """The row with some keys; None if there is none or it counts no text."""
        for row in self.rows:
            if all(row[key] == value for key, value in wanted.items()) and row["mat"]:
                return row
        return None

    def groups(self) -> list[tuple[str, str, float]]:
        """Model, class and temperature of what was run, in order."""
        return list(dict.fromkeys((row["model"], row["class"], row["temperature"]) for row in self.rows))


def _number(pair: tuple[float, float]) -> str:
    return f"{pair[0]:.2f} ± {pair[1]:.2f}"


def _name(model: str, prompts: str, temperature: float) -> str:
    return f"{model}, {prompts}, " + ("greedy" if temperature == 0 else f"temperature {temperature:g}")


def bars(figures: Figures) -> list[str]:
    """The goals, and what came of them."""
    rows = []
    for model, prompts, temperature in figures.groups():
        for bar in BARS:
            key = {"model": model, "class": prompts, "temperature": temperature, "state": bar.state}
            ours = figures.find(**key, budget=bar.budget, method="dynamic")
            theirs = figures.find(**key, budget=bar.budget, method=bar.against)
            if model not in bar.models or prompts not in ("stories", "novels") or ours is None or theirs is None:
                continue
            found = ratio(ours["mat"], theirs["mat"])
            verdict = "met" if found[0] >= bar.ratio else "**missed**"
            name = f"{_name(model, prompts, temperature)}, {bar.budget} nodes, {bar.state}, against {bar.against}"
            rows.append((name, f"{bar.ratio:g}", f"{found[0]:.3f} ± {found[1]:.3f}", verdict))
    return table(("", "goal", "ratio of tokens per pass", ""), rows)


def methods(figures: Figures) -> list[str]:
    """Tokens per pass of every method, where all of them were run."""
    lines: list[str] = []
    for model, prompts, temperature in figures.groups():
        if prompts not in ("stories", "novels"):
            continue
        found = [r for r in figures.rows if (r["model"], r["class"], r["temperature"]) == (model, prompts, temperature)]
        budgets = sorted({row["budget"] for row in found if row["method"] == "dynamic"}, reverse=True)
        names = list(dict.fromkeys(row["method"] for row in found if row["method"] != "plain"))
        columns = [(budget, state) for budget in budgets for state in ("cold", "warm")]
        rows = []
        for name in names:
            cells = []
            for budget, state in columns:
                row = figures.find(
                    model=model, temperature=temperature, state=state, method=name,
                    budget=10 if name == "lookup (transformers)" else budget, **{"class": prompts},
                )  # fmt: skip
                cells.append(_number(interval(row["mat"])) if row else "")
            rows.append((name, *cells))
        counted, left_out = len(found[0]["mat"]), found[0]["loops_left_out"]
        length = found[0]["tokens"] // max(counted, 1)
        lines += [f"### {_name(model, prompts, temperature)}", ""]
        lines += [f"{counted} texts of {length} new tokens count; {left_out} that loop are left out.", ""]
        lines += [*table(("", *(f"{budget} nodes, {state}" for budget, state in columns)), rows), ""]
    return lines[:-1]


def ablations(figures: Figures) -> list[str]:
    """Tokens per pass with all sources, and without one."""
    names = list(dict.fromkeys(row["method"] for row in figures.rows if row["method"] != "plain"))
    groups = figures.groups()
    rows = []
    for name in names:
        cells = []
        for model, prompts, temperature in groups:
            key = {"model": model, "class": prompts, "temperature": temperature, "budget": 80, "state": "cold"}
            row, whole = figures.find(**key, method=name), figures.find(**key, method="dynamic")
            cells.append(_number(interval(row["mat"])) if row else "")
            cells.append(f"{100 * (ratio(row['mat'], whole['mat'])[0] - 1):+.1f} %" if row and whole else "")
        rows.append((name, *cells))
    header = [cell for group in groups for cell in (f"{_name(*group)}: {_count(figures, *group)} texts", "")]
    return table(("", *header), rows)


def _count(figures: Figures, model: str, prompts: str, temperature: float) -> int:
    row = figures.find(model=model, temperature=temperature, method="dynamic", **{"class": prompts})
    return len(row["mat"]) if row else 0


def classes(figures: Figures) -> list[str]:
    """Tokens per pass by class of prompt."""
    rows = []
    for model, prompts, temperature in figures.groups():
        key = {"model": model, "class": prompts, "temperature": temperature, "budget": 80}
        cold = [figures.find(**key, state="cold", method=name) for name in ("lookup", "static-80", "sam-switch")]
        ours = [figures.find(**key, state=state, method="dynamic") for state in ("cold", "warm")]
        every = [row for row in (*cold, *ours) if row is not None]
        if prompts in ("stories", "novels") or len(every) < 5:
            continue
        texts = f"{len(every[0]['mat'])} + {every[0]['loops_left_out']}"
        rows.append((prompts, texts, *(_number(interval(row["mat"])) for row in every)))
    header = ("", "texts + loops", "lookup", "static-80", "sam-switch", "dynamic", "dynamic, warm")
    return table(header, rows)


def phases(figures: Figures) -> list[str]:
    """Where the time goes, in milliseconds per step, and tokens per second."""
    rows = []
    for model, prompts, temperature in figures.groups():
        if prompts not in ("stories", "novels"):
            continue
        for budget, name in ((0, "plain"), (80, "static-80"), (80, "dynamic"), (16, "dynamic")):
            row = figures.find(
                model=model, temperature=temperature, state="cold", budget=budget, method=name, **{"class": prompts}
            )
            if row is None:
                continue
            shares = [f"{1000 * row['phases'].get(phase, 0) / max(row['steps'], 1):.2f}" for phase in PHASES]
            label = f"{_name(model, prompts, temperature)}: {name}" + (f", {budget} nodes" if budget else "")
            rows.append((label, *shares, f"{row['tokens'] / row['seconds']:.0f}"))
    return table(("ms per step", *PHASES, "tokens/s"), rows)


def page(figures: Figures, without: Figures | None = None) -> str:
    """The whole page.

    Args:
        figures: What is compared.
        without: The same method without one source each, over texts of its own.
    """
    about = figures.about
    lines = [
        "# Speculative decoding: figures",
        "",
        "Made by `benches/python/speculation_report.py` from `benches/results/speculation-*.json`; "
        "`make bench-speculative` measures. [Speculative decoding](speculative.md) explains the methods.",
        "",
        "Tokens per forward pass (plain decoding has 1), mean over texts ± half its 95 % interval. *Cold*: every text "
        "has a drafter of its own that is shown the prompt. *Warm*: one drafter has seen the texts before, the first "
        f"ones not counted. Texts in which a period of at most {LONGEST} tokens stands four times in a row are left "
        "out and counted; end tokens are not heeded. Every text was compared with that of plain decoding. The models "
        "are small, and their figures say nothing about those of large ones.",
        "",
        "- `static-80` is the tree of the Token Recycling paper; at 16 nodes, its 16 best.",
        "- `sam-switch` is the rule of SAM-Decoding: a chain after the longest earlier match of five tokens or more, "
        "else the static tree.",
        "- `lookup` is prompt lookup, at most 2-grams and 10 tokens, with this package's loop and with that of "
        "transformers.",
        "- `dynamic` is `TokenRecycling()`, this package's own.",
        "",
        "## Goals",
        "",
        "Set before anything was measured; the ratio is that of the means over the same texts.",
        "",
        *bars(figures),
        "",
        "## Methods",
        "",
        *methods(figures),
        "",
        *(["## Without each source", "", "80 nodes, cold.", "", *ablations(without), ""] if without else []),
        *([*KINDS, *by_class, ""] if len(by_class := classes(figures)) > 2 else []),
        "## Time",
        "",
        f"One thread of a shared machine ({about['machine']}, torch {about['torch']}) while other work ran, drafts "
        "always on: compare within a line. On one core of a CPU a pass over 81 nodes costs many times one over a "
        "single node, so that more tokens per pass need not be more tokens per second; that is what the off-switch of "
        "`generate` is for.",
        "",
        *phases(figures),
    ]
    return "\n".join(lines) + "\n"


KINDS = (
    "## Kinds of prompts",
    "",
    "The package's own model knows stories alone, and answers none of these: it goes on as it can, and copies "
    "what it is told more or less often. Sampled at temperature 0.7, 80 nodes.",
    "",
)
LONGEST = 32
"""The longest period of a loop, as `speculation.py` has it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print, write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--write", action="store_true", help="rewrite the page")
    parser.add_argument("--check", action="store_true", help="fail if the page is not what the files say")
    options = parser.parse_args(arguments)
    files = options.files or sorted(RESULTS.glob("speculation-*.json"))
    if not files:
        sys.stderr.write("no result files: run `make bench-speculative` first\n")
        return 1
    records = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}
    compared = [record for stem, record in records.items() if not stem.endswith("-ablation")]
    without = [record for stem, record in records.items() if stem.endswith("-ablation")]
    text = page(Figures(compared), Figures(without) if without else None)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    elif options.check:
        return int(PAGE.read_text(encoding="utf-8") != text)
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
