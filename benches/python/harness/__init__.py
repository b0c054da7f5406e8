"""The benchmark of encoders: texts, peers, timed processes, bars and tables.

``run.py`` measures and writes one JSON file; ``report.py`` turns such a file into the README's table and
``docs/benchmarks.md``. Every timed run is a process of its own (:mod:`harness.worker`), so that a first pass meets
text that process has never seen.
"""
