"""Fetch documents: files as they appear, and pages by conditional requests, each given once as long as it is the same.

Source of the conditional requests: RFC 9110, sections 13.1.2 (If-None-Match) and 13.1.3 (If-Modified-Since).
"""

import asyncio
import hashlib
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from functions.adapters.resilience import retry_after_s
from functions.ports.documents import Document, Documents, Report

DOCUMENT_BYTES_MAX: Final = 16 * 1024 * 1024
"""Longest file or page that is read, and what of several files is read at once, one more at most; rows above the feed's
own bound are spooled, so this bounds memory alone."""
FILES_MAX: Final = 100_000
"""Most files that are read, and remembered."""
HEAD_BYTES: Final = 256
"""By so many of its first bytes a file of lines is known again: another one may come under its name."""
REDIRECTS_MAX: Final = 3
TIMEOUT_S: Final = 20.0
WAIT_S_MAX: Final = 3600.0
"""Longest wait that a server's `Retry-After` can ask for."""

_LINES: Final = frozenset((".jsonl", ".ndjson"))
_OK: Final = 200
_NOT_MODIFIED: Final = 304
_CHUNK_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Place:
    """Remember how far a file of lines was read, and how it begins."""

    end: int = 0
    head: bytes = b""


class Files:
    """Read files, and every file of folders, again when they change; a file of JSON lines is read on from its end.

    Args:
        paths: Files and folders; folders are read with all their subfolders, by name.
        report: Is told of files that cannot be read, or are not for there are too many.
        clock: Gives UTC nanoseconds.
    """

    def __init__(
        self, paths: Sequence[pathlib.Path], *, report: Report, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Read nothing yet."""
        self._paths = tuple(paths)
        self._report = report
        self._clock = clock
        self._seen: dict[pathlib.Path, tuple[int, int]] = {}
        self._read: dict[pathlib.Path, _Place] = {}
        self._unread: dict[pathlib.Path, int] = {}
        self.more = False

    async def poll(self) -> list[Document]:
        """Give what is new; a file that cannot be read now is tried again the next time."""
        return await asyncio.to_thread(self._poll)  # a slow disk holds up no probe

    def _poll(self) -> list[Document]:
        found: list[Document] = []
        left: set[pathlib.Path] = set()
        size = 0
        files = list(self._files())
        self._forget(files)
        for path in files:
            try:
                stat = path.stat()
                state = (stat.st_mtime_ns, stat.st_size)
                if self._seen.get(path) == state:
                    continue
                if size >= DOCUMENT_BYTES_MAX:
                    left.add(path)
                    break
                rows = self._rows(path, stat.st_size, left)
                found += [Document(row, self._clock()) for row in rows]
                size += sum(map(len, rows))
                if path not in left:
                    self._seen[path] = state
            except OSError as error:
                self._report("document_unreadable", path=str(path), error=f"{type(error).__name__}: {error}")
        self.more = bool(left)
        return found

    async def close(self) -> None:
        """Nothing stays open."""

    def _files(self) -> Iterator[pathlib.Path]:
        left = FILES_MAX
        for path in self._paths:
            inside = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
            yield from (one for one in inside[:left] if not one.name.startswith("."))
            self._say_more(path, len(inside) - left)
            left -= min(left, len(inside))

    def _say_more(self, path: pathlib.Path, unread: int) -> None:
        """Tell of files beyond the bound, which are not read until others are moved away: once, and when they grow."""
        if unread > self._unread.get(path, 0):
            self._report("document_files_too_many", path=str(path), unread=unread, files_max=FILES_MAX)
        self._unread[path] = max(unread, 0)

    def _forget(self, files: list[pathlib.Path]) -> None:
        """Forget files that are gone once more are remembered than may be read."""
        if len(self._seen) > FILES_MAX:
            here = set(files)
            self._seen = {path: state for path, state in self._seen.items() if path in here}
            self._read = {path: place for path, place in self._read.items() if path in here}

    def _rows(self, path: pathlib.Path, size: int, left: set[pathlib.Path]) -> list[bytes]:
        if path.suffix in _LINES:
            return self._lines(path, size, left)
        if size > DOCUMENT_BYTES_MAX:
            self._report("document_too_large", path=str(path), size_bytes=size, size_bytes_max=DOCUMENT_BYTES_MAX)
            return []
        data = path.read_bytes()
        return [data] if data.strip() else []

    def _lines(self, path: pathlib.Path, size: int, left: set[pathlib.Path]) -> list[bytes]:
        """Read whole lines from where reading ended; a file that has become shorter, or another, is read from its head.

        What has no line end yet waits for it, and is reported: an archive whose last line has none would lose it.

        A file with more than may be read at once is `left` for the next time, without a line that is longer than that.
        """
        place = self._read.get(path, _Place())
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            start = place.end if place.end <= size and head.startswith(place.head) else 0
            file.seek(start)
            data = file.read(DOCUMENT_BYTES_MAX)
        end = data.rfind(b"\n") + 1
        if len(data) == DOCUMENT_BYTES_MAX:
            left.add(path)
            if not end:
                self._report("document_too_large", path=str(path), size_bytes_max=DOCUMENT_BYTES_MAX)
                self._read[path] = _Place(start + len(data), head[: start + len(data)])
                return []
        elif waits := len(data[end:].strip()):
            self._report("document_line_unfinished", path=str(path), size_bytes=waits)
        self._read[path] = _Place(start + end, head[: start + end])
        return [line for line in data[:end].splitlines() if line.strip()]


@dataclass(slots=True)
class _Page:
    """Remember what a server said about a page, and what it last was."""

    url: str
    etag: str = ""
    modified: str = ""
    digest: bytes = b""
    due_s: float = 0.0


class Pages:
    """Ask servers for pages; a page that is the same as before is not given again.

    Args:
        urls: Addresses, http or https.
        report: Is told of pages that cannot be had.
        headers: Sent with every request, for example `User-Agent` and `Authorization`.
        timeout_s: Time for one page, seconds.
        clock: Gives UTC nanoseconds.
        elapsed: Gives seconds on a clock that never goes back.
    """

    def __init__(  # noqa: PLR0913 - each names one collaborator or limit
        self,
        urls: Sequence[str],
        *,
        report: Report,
        headers: Mapping[str, str],
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], int] = time.time_ns,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect to nothing yet.

        Raises:
            ValueError: An address is neither http nor https.
        """
        for url in urls:
            if urlsplit(url).scheme not in {"http", "https"}:
                msg = f"page {_shown(url)!r} must be an http or https address"
                raise ValueError(msg)
        self._pages = [_Page(url) for url in urls]
        self._report = report
        self._headers = dict(headers)
        self._timeout_s = timeout_s
        self._clock = clock
        self._elapsed = elapsed
        self._session: aiohttp.ClientSession | None = None
        self.more = False  # a page is given whole

    async def poll(self) -> list[Document]:
        """Ask for every page that is due; one that cannot be had is asked for the next time."""
        found: list[Document] = []
        for page in self._pages:
            if self._elapsed() < page.due_s:
                continue
            try:
                data = await self._fetch(page)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self._report("document_unreadable", url=_shown(page.url), error=type(error).__name__)
                continue
            if data:
                found.append(Document(data, self._clock()))
        return found

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _fetch(self, page: _Page) -> bytes:
        """Give the page when it is new; empty when it is not, or when there is none."""
        asked = {"If-None-Match": page.etag, "If-Modified-Since": page.modified}
        headers = self._headers | {name: value for name, value in asked.items() if value}
        async with self._open().get(page.url, headers=headers, max_redirects=REDIRECTS_MAX) as response:
            if response.status == _NOT_MODIFIED:
                return b""
            if response.status != _OK:
                asked_s = retry_after_s(response.headers.get("Retry-After", ""), self._clock() / 1e9)
                page.due_s = self._elapsed() + min(asked_s or 0.0, WAIT_S_MAX)
                self._report("document_refused", url=_shown(page.url), status=response.status)
                return b""
            data = await _body(response)
            if data is None:
                self._report("document_too_large", url=_shown(page.url), size_bytes_max=DOCUMENT_BYTES_MAX)
                return b""
            page.etag = response.headers.get("ETag", "")
            page.modified = response.headers.get("Last-Modified", "")
        digest = hashlib.sha256(data).digest()
        new, page.digest = digest != page.digest, digest
        return data if new else b""

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._timeout_s)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


class Together:
    """Ask several sources, one after the other."""

    def __init__(self, *sources: Documents) -> None:
        """Keep the sources."""
        self._sources = sources

    @property
    def more(self) -> bool:
        """Tell whether one of them has more than it gave."""
        return any(source.more for source in self._sources)

    async def poll(self) -> list[Document]:
        """Give what is new of each; while one has more, of that one alone."""
        asked = [source for source in self._sources if source.more] or self._sources
        return [document for source in asked for document in await source.poll()]

    async def close(self) -> None:
        """Let go of each."""
        for source in self._sources:
            await source.close()


async def _body(response: aiohttp.ClientResponse) -> bytes | None:
    """Read a body that may be packed, up to the bound; None when it is longer."""
    data = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        data += chunk
        if len(data) > DOCUMENT_BYTES_MAX:
            return None
    return bytes(data)


def _shown(url: str) -> str:
    """Show an address without user, password and query: they may hold keys."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
