"""How a command fails: the exceptions that :func:`tokengrove.cli.main.main` turns into one line and an exit code."""

from enum import IntEnum

__all__ = ["CommandError", "ExitCode", "UsageError"]


class ExitCode(IntEnum):
    """What the process says to its caller."""

    OK = 0
    FAILED = 1
    """A difference was found, a limit was passed, or the command could not do its work."""
    USAGE = 2
    """The command line itself is wrong."""
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class CommandError(Exception):
    """The command cannot go on; the message is the one line that the user sees."""

    exit_code = ExitCode.FAILED


class UsageError(CommandError):
    """The arguments do not go together."""

    exit_code = ExitCode.USAGE
