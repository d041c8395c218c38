"""Tie a process to its parent, then become the command; run as a script by `children`, never imported.

    python -I -S leash.py SIGNAL PARENT_PID COMMAND...

The kernel sends SIGNAL to this process, and after `exec` to the command, when the thread that started it ends. It is a
script and not a `preexec_fn`, because Python code between fork and exec is unsafe beside gRPC's threads, and because a
change of credentials (`unshare`, `setpriv`) clears the setting: the leash therefore goes after them.
Only the standard library lives here.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PARENT_GONE = 125
NOT_RUN = 127  # what a shell answers for a command it cannot run


def main(argv: list[str]) -> int:
    """Set the parent-death signal and exec the command.

    Args:
        argv: signal number, pid of the parent, command and its arguments.

    Returns:
        An exit status, only where the command could not take this process over.
    """
    number, parent, *command = argv
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != int(parent):  # it ended before the leash was on, so the kernel will never tell
        return PARENT_GONE
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and an ignored signal survives exec
    try:
        os.execvp(command[0], command)  # noqa: S606 - becoming the command, without a shell, is the purpose
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
    return NOT_RUN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
