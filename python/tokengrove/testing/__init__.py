"""What tests of models and of code built on token trees need; also for the tests of other projects.

- :mod:`tokengrove.testing.strategies`: hypothesis strategies (needs hypothesis).
"""
