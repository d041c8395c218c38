"""Look at a port before anything is started on it."""

import errno
import socket

from functions.cli.errors import CliError, UsageError


def check_port(port: int, host: str = "127.0.0.1") -> None:
    """Say why nothing could listen on a port; 0, which takes a free one, is always well.

    Raises:
        UsageError: It is no port.
        CliError: It is taken, or not ours to take.
    """
    try:
        family, *_, place = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((place[0], port))
            probe.listen(1)
    except OverflowError:
        msg = f"--port is {port}, expected 0 to 65535; 0 takes a free one"
        raise UsageError(msg) from None
    except OSError as error:
        why = "something listens there already" if error.errno == errno.EADDRINUSE else error.strerror
        msg = f"cannot listen on {host}:{port}: {why}; name another --port, 0 takes a free one"
        raise CliError(msg) from error
