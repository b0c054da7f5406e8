"""Runs the Python tests of Hugging Face tokenizers with tokengrove's drop-in in its place.

The tests are not part of this repository: give the folder ``bindings/python`` of a checkout of version 0.23::

    python tools/run_tokenizers_tests.py path/to/tokenizers/bindings/python [arguments of pytest]

What is expected to differ is listed, with the reason, in ``EXPECTED`` and in ``docs/tokenizers.md``. The exit status is
0 if nothing else fails and everything that is listed does.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

import pytest

OTHER_MODELS = "uses a model other than BPE"
FORKS = "expects that a process forked while threads are enabled hangs, which it does not"

EXPECTED = {
    "test_tokenizer.py::TestTokenizer::test_decode_stream": OTHER_MODELS,
    "test_tokenizer.py::TestTokenizer::test_unigram_byte_fallback": OTHER_MODELS,
    "test_models.py::TestUnigram::test_can_modify": OTHER_MODELS,
    "test_models.py::TestUnigram::test_alpha_zero": OTHER_MODELS,
    "test_models.py::TestWordPiece::test_can_modify": OTHER_MODELS,
    "test_models.py::TestWordLevel::test_can_modify": OTHER_MODELS,
    "test_serialization.py::TestSerialization::test_repr_str_ellipsis": OTHER_MODELS,
    "test_trainers.py::TestWordPieceTrainer::test_can_modify": OTHER_MODELS,
    "test_trainers.py::TestWordPieceTrainer::test_can_pickle": OTHER_MODELS,
    "test_trainers.py::TestWordLevelTrainer::test_can_modify": OTHER_MODELS,
    "test_trainers.py::TestWordLevelTrainer::test_can_pickle": OTHER_MODELS,
    "test_trainers.py::TestUnigram::test_can_pickle": OTHER_MODELS,
    "test_trainers.py::TestUnigram::test_train_with_special_tokens": OTHER_MODELS,
    "test_trainers.py::TestUnigram::test_cannot_train_different_model": OTHER_MODELS,
    "test_trainers.py::TestUnigram::test_can_modify": OTHER_MODELS,
    "test_base_tokenizer.py::TestBaseTokenizer::test_get_set_components": OTHER_MODELS,
    "test_bert_wordpiece.py::TestBertWordPieceTokenizer::test_train_from_iterator": OTHER_MODELS,
    "test_sentencepiece.py::TestSentencePieceUnigram::test_train": OTHER_MODELS,
    "test_sentencepiece.py::TestSentencePieceUnigram::test_train_with_unk_token": OTHER_MODELS,
    "test_sentencepiece.py::TestSentencePieceUnigram::test_train_from_iterator": OTHER_MODELS,
    "test_sentencepiece.py::TestSentencePieceUnigram::test_train_from_iterator_with_unk_token": OTHER_MODELS,
    "test_tokenizer.py::TestTokenizer::test_multiprocessing_with_parallelism": FORKS,
}


class Outcomes:
    """Counts what passed, and compares what failed with what is expected to."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed: dict[str, str] = {}
        self.skipped = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the outcome of a test."""
        name = "/".join(report.nodeid.split("/")[-1:])
        if report.failed:
            self.failed[name] = str(report.longrepr).rsplit("\n", 1)[-1]
        elif report.when == "call":
            self.passed += report.passed
            self.skipped += report.skipped
        elif report.skipped:
            self.skipped += 1


def main(arguments: list[str]) -> int:
    """Run the tests and report."""
    if not arguments or not (Path(arguments[0]) / "tests").is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    root, options = Path(arguments[0]).resolve(), arguments[1:]
    import tokengrove.compat.tokenizers as drop_in

    drop_in.install()
    sys.path.insert(0, str(root))
    outcomes = Outcomes()
    defaults = [
        "-q",
        "-W",
        "ignore::pytest.PytestUnknownMarkWarning",
        "--tb=short",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(root),
        "-c",
        "/dev/null",
        "-m",
        "not network",
    ]
    ignored = [f"--ignore={root / 'tests' / name}" for name in ("test_benchmarks.py", "documentation")]
    # Some of the tests write into the folder where they run.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        (Path(folder) / "tests" / "data").mkdir(parents=True)
        pytest.main([*defaults, *ignored, *options, str(root / "tests")], plugins=[outcomes])
    surprises = {name: why for name, why in outcomes.failed.items() if name not in EXPECTED}
    absent = [name for name in EXPECTED if name not in outcomes.failed]
    print(f"{outcomes.passed} passed, {len(outcomes.failed)} failed, {outcomes.skipped} skipped")
    for name, why in surprises.items():
        print(f"not expected to fail: {name}: {why}")
    for name in absent:
        print(f"expected to fail, and did not: {name} ({EXPECTED[name]})")
    return 1 if surprises or absent else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
