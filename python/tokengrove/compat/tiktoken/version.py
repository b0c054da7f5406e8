"""The version of tiktoken that this package behaves as."""

__version__ = "0.14.0"
