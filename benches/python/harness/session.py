"""One run: prepares texts and vocabularies, compares outputs, then measures in turns."""

from __future__ import annotations

import datetime
import hashlib
import random
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import launch, machine, texts
from harness.peers import CONTENDERS, OWN, PEERS, REFERENCE, Peer, UnavailableError
from harness.plan import Group, Mode, groups
from harness.records import Cell, Memory, Run, sample_from
from harness.vocabularies import Vocabulary, prepare, write_tokenizer_json

_TIMEOUT = 300.0


@dataclass
class Outcome:
    """What a peer's ids were found to be: a hash and how many, or why there are none."""

    digest: str = ""
    tokens: int = 0
    problem: str = ""
    status: str = "ok"


@dataclass
class Session:
    """A run in progress.

    Attributes:
        mode: What to measure.
        corpora: The folder of the classes of text, if there is one.
        vocabulary_folder: The folder of rank files.
        work: A folder for prepared files; kept between runs.
        wanted: Names of peers, or none for all.
        limit: The most bytes of each class of text.
        seed: Decides whose turn is first in each round.
    """

    mode: Mode
    corpora: Path | None
    vocabulary_folder: Path
    work: Path
    wanted: tuple[str, ...] = ()
    limit: int = texts.MAX_BYTES
    volume: int = 100_000_000
    seed: int = texts.SEED
    missing: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    text_facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    _outcomes: dict[tuple[str, str, str, str], Outcome] = field(default_factory=dict)
    _paths: dict[tuple[str, int], Path] = field(default_factory=dict)
    _begun: float = 0.0

    def run(self) -> Run:
        """Do all of it.

        Returns:
            Everything measured.
        """
        self._begun = time.perf_counter()
        facts = machine.describe()
        peers = self._installed()
        vocabularies = {name: prepare(name, self.vocabulary_folder, self.work) for name in self.mode.vocabularies}
        plan = [group for group in groups(self.mode, peers) if self._has_text(group.text)]
        self._prepare_files(plan, vocabularies)
        self._verify(plan, vocabularies)
        cells: list[Cell] = []
        memory: list[Memory] = []
        try:
            self._measure(plan, vocabularies, cells)
            if "memory" in self.mode.sections:
                self._measure_memory(peers, vocabularies, memory)
        except KeyboardInterrupt:
            # What has been measured is worth keeping; the result says that there is more to measure.
            self.missing["the rest of the run"] = "interrupted"
            cells = [cell for cell in cells if cell.samples or cell.status != "ok"]
        facts["load_average_after"] = machine.describe()["load_average"]
        self._say("done\n" if sys.stderr.isatty() else "done")
        return Run(
            date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
            mode=self.mode.name,
            seconds=time.perf_counter() - self._begun,
            seed=self.seed,
            machine=facts,
            versions=self.versions,
            missing=self.missing,
            texts=self.text_facts,
            calls={peer.name: peer.calls for peer in peers},
            outputs={peer.name: peer.output for peer in peers},
            cells=cells,
            memory=memory,
        )

    def _say(self, message: str) -> None:
        elapsed = int(time.perf_counter() - self._begun)
        line = f"[{elapsed // 60:2d}:{elapsed % 60:02d}] {message}"
        if sys.stderr.isatty():
            print(f"\r{line[:118]:118s}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def _installed(self) -> list[Peer]:
        """The wanted peers that are installed; the reference always, because outputs are compared with it."""
        found = []
        for name, peer in PEERS.items():
            if self.wanted and name not in self.wanted and name != REFERENCE:
                continue
            try:
                self.versions[peer.distribution] = peer.version()
                found.append(peer)
            except UnavailableError as error:
                self.missing[name] = str(error)
        if REFERENCE in self.missing:
            raise UnavailableError(f"{self.missing[REFERENCE]}; without it no output can be compared")
        return found

    def _has_text(self, name: str) -> bool:
        """Whether a text can be made; makes it on the first question."""
        if name in self.text_facts:
            return True
        if name in self.missing:
            return False
        try:
            text = (
                texts.WORST_CASES[name]() if name in texts.WORST_CASES else texts.load(name, self.corpora, self.limit)
            )
        except texts.MissingTextError as error:
            self.missing[name] = str(error)
            return False
        data = text.encode("utf-8")
        path = self.work / "texts" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self._paths[name, 0] = path
        self.text_facts[name] = {
            "bytes": len(data),
            "characters": len(text),
            "documents": len(texts.documents(text)) if name in texts.CLASSES else 1,
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        return True

    def _path(self, name: str, peer: Peer) -> Path:
        """The file of a text, or of its beginning for a peer that is too slow for the whole."""
        if self.text_facts[name]["bytes"] <= peer.max_bytes:
            return self._paths[name, 0]
        key = name, peer.max_bytes
        if key not in self._paths:
            self._paths[key] = self.work / "texts" / f"{name}-{peer.max_bytes}.txt"
            data = self._paths[name, 0].read_bytes()[: peer.max_bytes]
            self._paths[key].write_bytes(data.decode("utf-8", errors="ignore").encode("utf-8"))
        return self._paths[key]

    def _prepare_files(self, plan: list[Group], vocabularies: dict[str, Vocabulary]) -> None:
        for group in plan:
            if any(peer.needs_tokenizer_json for peer, _ in group.entries):
                self._say(f"preparing {group.vocabulary} as tokenizer.json")
                write_tokenizer_json(vocabularies[group.vocabulary])

    def _verify(self, plan: list[Group], vocabularies: dict[str, Vocabulary]) -> None:
        """Encode every text of the plan once with every peer, and compare with the reference."""
        work: dict[tuple[Peer, str], set[tuple[Path, str]]] = defaultdict(set)
        reference = PEERS[REFERENCE]
        for group in plan:
            for peer, _ in group.entries:
                item = (self._path(group.text, peer), group.shape)
                work[peer, group.vocabulary].add(item)
                work[reference, group.vocabulary].add((item[0], "docs" if item[1] == "batch" else item[1]))
        for (peer, name), items in sorted(work.items(), key=lambda entry: (entry[0][0] != reference, entry[0][0].name)):
            self._verify_peer(peer, vocabularies[name], sorted(items))

    def _verify_peer(self, peer: Peer, vocabulary: Vocabulary, items: list[tuple[Path, str]]) -> None:
        left = items
        while left:
            self._say(f"comparing outputs: {peer.name}, {vocabulary.name}, {len(left)} texts")
            results = launch.run(launch.job("verify", peer, vocabulary, left), vocabulary, _TIMEOUT)
            answered = 0
            for result in results:
                if "path" in result:
                    answered += 1
                    self._outcomes[peer.name, vocabulary.name, result["path"], result["shape"]] = _outcome(result)
            problem = next((result for result in results if "path" not in result), None)
            if answered == 0 and problem is not None and "error" in problem:
                self.missing[f"{peer.name}, {vocabulary.name}"] = problem["error"]
                for path, shape in left:
                    self._outcomes[peer.name, vocabulary.name, str(path), shape] = _outcome(problem)
                return
            if answered < len(left):
                path, shape = left[answered]
                why = {"error": next(iter((problem or {}).values()), "the process ended without a result")}
                self._outcomes[peer.name, vocabulary.name, str(path), shape] = _outcome(why)
                answered += 1
            left = left[answered:]

    def _expected(self, group: Group, path: Path) -> Outcome:
        shape = "docs" if group.shape == "batch" else group.shape
        return self._outcomes.get((REFERENCE, group.vocabulary, str(path), shape), Outcome(problem="not encoded"))

    def _new_cell(self, group: Group, peer: Peer, threads: int) -> Cell:
        """A cell without samples, whose status says whether it may be timed."""
        path = self._path(group.text, peer)
        cell = Cell(group.section, peer.name, group.vocabulary, group.text, group.shape, threads, path.stat().st_size)
        own = self._outcomes[peer.name, group.vocabulary, str(path), group.shape]
        expected = self._expected(group, path)
        cell.tokens = expected.tokens
        if own.status != "ok":
            cell.status, cell.detail = own.status, own.problem
        elif expected.problem:
            cell.detail = f"not compared: {REFERENCE} gave no ids: {expected.problem}"
        elif own.digest != expected.digest:
            cell.status = "inexact"
            cell.detail = f"{own.tokens} ids, {REFERENCE} gives {expected.tokens}; or other ids"
        return cell

    def _measure(self, plan: list[Group], vocabularies: dict[str, Vocabulary], cells: list[Cell]) -> None:
        rng = random.Random(self.seed)
        for number, group in enumerate(plan):
            pairs = [(peer, self._new_cell(group, peer, threads)) for peer, threads in group.entries]
            cells += [cell for _, cell in pairs]
            for turn in range(group.launches):
                self._say(
                    f"{number + 1}/{len(plan)} {group.section} {group.vocabulary} {group.text} {group.shape}, "
                    f"round {turn + 1}/{group.launches}"
                )
                for peer, cell in rng.sample(pairs, len(pairs)):
                    if cell.status == "ok" and turn < group.launches_of(peer):
                        self._launch(group, peer, cell, vocabularies[group.vocabulary])

    def _launch(self, group: Group, peer: Peer, cell: Cell, vocabulary: Vocabulary) -> None:
        """Add one process's sample to a cell; its output is compared again."""
        path = self._path(group.text, peer)
        job = launch.job(
            "time",
            peer,
            vocabulary,
            [(path, group.shape)],
            threads=cell.threads,
            operation=group.operation,
            repeats=group.repeats,
        )
        result = launch.run(job, vocabulary, _TIMEOUT)[-1:] or [{"crashed": "no result"}]
        answer = result[0]
        if "sample" not in answer:
            cell.status = "unsupported" if "unsupported" in answer else "failed"
            cell.detail = next(iter(answer.values()))
            cell.samples.clear()
            return
        expected = self._expected(group, path)
        if group.operation == "decode":
            matches = answer["digest"] == _text_digest(path)
        elif group.operation == "count":
            matches = answer["digest"] == "" and answer["tokens"] == expected.tokens
        else:
            matches = bool(expected.problem) or answer["digest"] == expected.digest
        if not matches:
            cell.status, cell.detail = "inexact", "the timed process gave something else than the reference"
            cell.samples.clear()
            return
        cell.samples.append(sample_from(answer["sample"]))

    def _measure_memory(self, peers: list[Peer], vocabularies: dict[str, Vocabulary], found: list[Memory]) -> None:
        vocabulary = next(iter(vocabularies.values()))
        classes = [(self._paths[name, 0], "big") for name in texts.CLASSES if name in self.text_facts]
        for peer in CONTENDERS if classes else ():
            if peer not in peers:
                continue
            for threads in (1, 2) if peer.name == OWN else (1,):
                self._say(f"memory: {peer.name}, {threads} threads")
                job = launch.job("memory", peer, vocabulary, classes, threads=threads, volume=self.volume)
                answer = (launch.run(job, vocabulary, _TIMEOUT)[-1:] or [{}])[0]
                if "loaded" in answer:
                    found.append(Memory(peer.name, vocabulary.name, threads, **answer, encoded=self.volume))
                else:
                    self.missing[f"memory of {peer.name}"] = str(next(iter(answer.values()), "no result"))


def _outcome(result: dict[str, Any]) -> Outcome:
    if "digest" in result:
        return Outcome(result["digest"], result["tokens"])
    if "unsupported" in result:
        return Outcome(problem=result["unsupported"], status="unsupported")
    return Outcome(problem=str(result.get("error")), status="failed")


def _text_digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
