"""Remember FIX sessions in one SQLite file each, held by a lock file.

Every call is one transaction of a write-ahead log. Without `fsync` it survives the end of the process, however it ends,
but not of the machine: the kernel holds the last writes. With `fsync` it survives a power failure too, at the price of
one disk flush for every message (0.1 to 10 ms).
The lock is the kernel's (`flock`): it goes with the process, so a killed one leaves no lock behind. It holds on one
machine's file system; a session that may move between machines needs a volume that only one of them can mount.
"""

import contextlib
import fcntl
import os
import pathlib
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from functions.ports.errors import Unavailable
from functions.ports.fix_store import FixStore, FixStores, Lease, Remembered, SessionTaken, Staged
from functions.wire.fix.actions import Numbers
from functions.wire.fix.rules import Identity

SENT_MAX: Final = 10_000
"""Sent messages that are kept for a resend."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (name TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
"""
_PUT_NUMBER: Final = "INSERT OR REPLACE INTO numbers (name, number) VALUES (?, ?)"
_PUT_BLOB: Final = "INSERT OR REPLACE INTO blobs (name, data) VALUES (?, ?)"


def file_name(identity: Identity) -> str:
    """Name a session's file.

    >>> file_name(Identity("US", "A/B"))
    'FIX.4.4,US,A%2FB'
    """
    return ",".join(quote(part, safe="") for part in (identity.begin_string, identity.sender, identity.target))


@contextlib.contextmanager
def _port_errors(what: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        msg = f"the store of FIX session {what} failed: {error}; check its folder"
        raise Unavailable(msg) from error


def leased(stores: FixStores, identity: Identity) -> Lease:
    """Take a session anew for each connection."""

    @contextlib.contextmanager
    def lease() -> Iterator[FixStore]:
        store = stores.open(identity)
        try:
            yield store
        finally:
            store.close()

    return lease


def shared(store: FixStore) -> Lease:
    """Give a session that this process has taken to one connection at a time."""
    held = threading.Lock()

    @contextlib.contextmanager
    def lease() -> Iterator[FixStore]:
        if not held.acquire(blocking=False):
            msg = "another socket keeps this session; end that one first"
            raise SessionTaken(msg)
        try:
            yield store
        finally:
            held.release()

    return lease


class DiskFixStores:
    """Open stores in a folder.

    Args:
        folder: Where the files lie; it is made when it is missing.
        sent_max: Sent messages that a session keeps for a resend.
        fsync: Whether every call reaches the disk before it returns.
    """

    def __init__(self, folder: pathlib.Path, *, sent_max: int = SENT_MAX, fsync: bool = False) -> None:
        """Remember the folder; open nothing."""
        self._folder = folder
        self._sent_max = sent_max
        self._fsync = fsync

    def open(self, identity: Identity) -> "DiskFixStore":
        """Take a session and give its store.

        Raises:
            SessionTaken: Another socket or process holds its lock.
            Unavailable: Its files cannot be opened.
        """
        name = file_name(identity)
        with _port_errors(name):
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = _locked(self._folder / f"{name}.lock", name)
            try:
                return DiskFixStore(self._folder / f"{name}.sqlite", lock, sent_max=self._sent_max, fsync=self._fsync)
            except BaseException:
                os.close(lock)
                raise


def _locked(path: pathlib.Path, name: str) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        msg = f"FIX session {name} is kept by another socket or process; end that one first"
        raise SessionTaken(msg) from None
    return lock


class DiskFixStore:
    """Remember one session in a file.

    Args:
        path: The file.
        lock: Descriptor that holds the session's lock; closed with the store.
        sent_max: Sent messages that are kept.
        fsync: Whether every call reaches the disk before it returns.
    """

    def __init__(self, path: pathlib.Path, lock: int, *, sent_max: int, fsync: bool) -> None:
        """Open the file, or make it."""
        self._name = path.stem
        self._lock = lock
        self._sent_max = sent_max
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(f"PRAGMA synchronous = {'FULL' if fsync else 'OFF'}")
        self._database.executescript(_SCHEMA)
        self._sent = deque(number for (number,) in self._database.execute("SELECT number FROM sent ORDER BY number"))

    def load(self) -> Remembered:
        """Give what is remembered."""
        with _port_errors(self._name):
            numbers = dict(self._database.execute("SELECT name, number FROM numbers"))
            blobs = dict(self._database.execute("SELECT name, data FROM blobs"))
            sent = dict(self._database.execute("SELECT number, data FROM sent ORDER BY number"))
        staged = Staged(blobs["staged"], numbers.get("staged")) if "staged" in blobs else None
        return Remembered(Numbers(numbers.get("in", 1), numbers.get("out", 1), sent), blobs.get("memo", b""), staged)

    def keep_sent(self, number: int, data: bytes | None) -> None:
        """Remember that a number is used."""
        with self._transaction() as database:
            database.execute(_PUT_NUMBER, ("out", number + 1))
            if data is not None:
                database.execute("INSERT OR REPLACE INTO sent (number, data) VALUES (?, ?)", (number, data))
                self._sent.append(number)
            while len(self._sent) > self._sent_max:
                database.execute("DELETE FROM sent WHERE number = ?", (self._sent.popleft(),))

    def keep_next_in(self, number: int) -> None:
        """Remember the inbound number that is expected next."""
        with self._transaction() as database:
            database.execute(_PUT_NUMBER, ("in", number))

    def reset(self, next_in: int, next_out: int) -> None:
        """Remember both numbers and forget what was sent."""
        with self._transaction() as database:
            database.execute(_PUT_NUMBER, ("in", next_in))
            database.execute(_PUT_NUMBER, ("out", next_out))
            database.execute("DELETE FROM sent")
            self._sent.clear()

    def stage(self, staged: Staged) -> None:
        """Remember what is about to be published."""
        with self._transaction() as database:
            database.execute(_PUT_BLOB, ("staged", staged.data))
            database.execute("DELETE FROM numbers WHERE name = 'staged'")
            if staged.next_in is not None:
                database.execute(_PUT_NUMBER, ("staged", staged.next_in))

    def settle(self, next_in: int | None, memo: bytes) -> None:
        """Remember that what was staged is published."""
        with self._transaction() as database:
            if next_in is not None:
                database.execute(_PUT_NUMBER, ("in", next_in))
            database.execute(_PUT_BLOB, ("memo", memo))
            database.execute("DELETE FROM blobs WHERE name = 'staged'")

    def close(self) -> None:
        """Close the file and let go of the lock."""
        if self._lock >= 0:
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
            os.close(self._lock)
            self._lock = -1

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _port_errors(self._name):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.rollback()
                raise
            self._database.execute("COMMIT")
