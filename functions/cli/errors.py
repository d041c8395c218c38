"""Say how a command can fail: one sentence that names what was found and what to do; only exceptions live here.

CliError
└── UsageError    the command was written wrongly; exit status 2
"""


class CliError(Exception):
    """A command failed for a reason its user can act on; printed as one sentence, exit status 1."""

    status = 1


class UsageError(CliError):
    """The command was written wrongly, in a way the argument parser cannot see."""

    status = 2
