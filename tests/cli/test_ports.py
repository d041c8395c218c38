"""A port that cannot be listened on is said before anything is started on it."""

import socket

import pytest

from functions.cli.main import main
from functions.cli.ports import check_port


@pytest.mark.parametrize("words", [("up",), ("sim", "binance.spot")])
def test_a_port_that_cannot_be_had(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """One that is taken, and a number that is no port, are one sentence with the way out; nothing else is taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main([*words, "--port", str(port)]) == 1
        assert f"cannot listen on 127.0.0.1:{port}: something listens there already" in capsys.readouterr().err
    assert main([*words, "--port", "99999"]) == 2
    assert "--port is 99999, expected 0 to 65535; 0 takes a free one" in capsys.readouterr().err


def test_a_free_port() -> None:
    """Nothing is said of a port that can be had, and none is kept."""
    for _ in range(2):
        check_port(0)
        check_port(0, "localhost")
