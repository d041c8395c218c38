"""Run the demo as a user does: in a process of its own, with the environment's commands on the PATH."""

import os
import pathlib
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Final

FOLDER: Final = pathlib.Path("var/demo")
STREAM_S: Final = 30
DEMO_S_MAX: Final = 300
MINUTE_S: Final = 60
OURS: Final = ("TICKLOOM_", "DATABASE_URL", "REDIS_URL")


def in_a_minute(seconds: float) -> bool:
    """Hold a demo to its minute, and where more want to run than there are cores, to a minute of its share of them."""
    return seconds < MINUTE_S * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@dataclass(frozen=True, slots=True)
class Demo:
    """Hold what a demo left: where it ran, how it ended, what it said, and how long it took."""

    at: pathlib.Path
    status: int
    said: str
    seconds: float

    @property
    def folder(self) -> pathlib.Path:
        """Give the platform's folder."""
        return self.at / FOLDER


def environ() -> dict[str, str]:
    """Give a user's environment: our commands first on the PATH, no settings of ours."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**clean, "PATH": f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def run_demo(at: pathlib.Path) -> Demo:
    """Run `tickloom demo` in a folder."""
    command = ["tickloom", "demo", "--seconds", str(STREAM_S), "--folder", str(FOLDER)]
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=at, env=environ(), capture_output=True, text=True, timeout=DEMO_S_MAX, check=False
    )
    return Demo(at, done.returncode, done.stdout + done.stderr, time.monotonic() - began)
