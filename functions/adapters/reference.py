"""Read instruments from a file; the shipped one is `data/instruments.json` beside this module."""

import hashlib
from pathlib import Path
from typing import Final

from functions.adapters.memory_reference import MemoryReference
from functions.wire.codecs.reference import read_instruments_csv, read_instruments_json
from functions.wire.errors import Malformed

SHIPPED: Final = Path(__file__).parent / "data" / "instruments.json"


class BadReference(Exception):  # noqa: N818 - the room's word for a file nobody can use
    """A reference file is not what it should be."""


class FileReference(MemoryReference):
    """Know the instruments of one file, read once; its version is the digest of its bytes."""

    def __init__(self, path: Path = SHIPPED) -> None:
        """Read the file, JSON or CSV by its name.

        Raises:
            BadReference: It is missing, unreadable or inconsistent.
        """
        read = read_instruments_csv if path.suffix == ".csv" else read_instruments_json
        try:
            data = path.read_bytes()
            instruments = [update.instrument for update in read(data)]
        except (OSError, Malformed) as error:
            reason = f"{path}: no readable reference file ({error}); name another one, or none for the shipped one"
            raise BadReference(reason) from error
        super().__init__(instruments, name=f"file.{hashlib.sha256(data).hexdigest()[:8]}")
