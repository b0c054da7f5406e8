"""What tests of models and of code built on token trees need; also for the tests of other projects.

- :mod:`tokengrove.testing.toys`: models whose distributions are known exactly.
- :mod:`tokengrove.testing.models`: tiny random models of every kind (needs torch and transformers).
- :mod:`tokengrove.testing.oracle`: what a tree model must give, computed without trees (needs torch).
- :mod:`tokengrove.testing.strategies`: hypothesis strategies for token trees (needs hypothesis).
"""
