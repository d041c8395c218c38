"""Documents are given once as long as they stay the same, and what cannot be had is asked for again."""

import os
import pathlib
from collections.abc import AsyncIterator
from email.utils import formatdate

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from functions.adapters import documents
from functions.adapters.documents import DOCUMENT_BYTES_MAX, Files, Pages, Together
from functions.ports.documents import Document, Documents

NOW = 1_800_000_000_000_000_000


class Reports:
    """Remember what an operator is told."""

    def __init__(self) -> None:
        """Begin empty."""
        self.told: list[tuple[str, dict[str, object]]] = []

    def __call__(self, event: str, **keys: object) -> None:
        """Write it down."""
        self.told.append((event, keys))

    @property
    def events(self) -> list[str]:
        """Name what was told."""
        return [event for event, _ in self.told]


async def rows(documents: Documents) -> list[bytes]:
    """Ask once and give the bytes alone."""
    return [one.row for one in await documents.poll()]


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def reports() -> Reports:
    """Give an operator."""
    return Reports()


def files(reports: Reports, *paths: pathlib.Path) -> Files:
    """Read files at a fixed time."""
    return Files(paths, report=reports, clock=lambda: NOW)


async def test_a_folder(tmp_path: pathlib.Path, reports: Reports) -> None:
    """Files come in the order of their names, subfolders too, hidden and empty ones do not."""
    (tmp_path / "sub").mkdir()
    for name, data in (
        ("b.json", b"2"),
        ("a.json", b"1"),
        ("sub/c.json", b"3"),
        (".hidden", b"x"),
        ("empty.json", b" "),
    ):
        (tmp_path / name).write_bytes(data)
    source = files(reports, tmp_path)
    assert await source.poll() == [Document(b"1", NOW), Document(b"2", NOW), Document(b"3", NOW)]
    assert await rows(source) == []


async def test_a_file_that_changes(tmp_path: pathlib.Path, reports: Reports) -> None:
    """A file that was written again is given again, and a new one as soon as it is there."""
    path = tmp_path / "a.json"
    source = files(reports, path)
    assert (await rows(source), reports.events) == ([], ["document_unreadable"])
    path.write_bytes(b"1")
    assert await rows(source) == [b"1"]
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert await rows(source) == [b"two"]
    assert await rows(source) == []


async def test_json_lines_are_read_on(tmp_path: pathlib.Path, reports: Reports) -> None:
    """A file of lines gives a row a line, each once; one still being written waits for its end, and that is told."""
    path = tmp_path / "posts.jsonl"
    path.write_bytes(b'{"a":1}\n\n{"a":2}\n{"a"')
    source = files(reports, path)
    assert await rows(source) == [b'{"a":1}', b'{"a":2}']
    assert reports.events == ["document_line_unfinished"]
    with path.open("ab") as file:
        file.write(b":3}\n")
    assert await rows(source) == [b'{"a":3}']
    path.write_bytes(b"4\n")
    assert await rows(source) == [b"4"]
    assert len(reports.events) == 1


async def test_json_lines_of_another_file(tmp_path: pathlib.Path, reports: Reports) -> None:
    """Another file under the same name is read from its head, also where it is longer; the same one is read on."""
    path, new = tmp_path / "posts.jsonl", tmp_path / ".new"
    path.write_bytes(b'{"a":1}\n{"a":2}\n')
    source = files(reports, path)
    assert await rows(source) == [b'{"a":1}', b'{"a":2}']
    new.write_bytes(b'{"b":31}\n{"b":32}\n{"b":33}\n')
    new.replace(path)
    assert await rows(source) == [b'{"b":31}', b'{"b":32}', b'{"b":33}']
    new.write_bytes(path.read_bytes() + b'{"b":34}\n')
    new.replace(path)
    assert await rows(source) == [b'{"b":34}']


async def test_files_that_are_gone(tmp_path: pathlib.Path, reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of files that come and go no more are remembered than may be read; one that stays is not given again."""
    monkeypatch.setattr(documents, "FILES_MAX", 4)
    (tmp_path / "stays.jsonl").write_bytes(b"0\n")
    source = files(reports, tmp_path)
    given = await rows(source)
    for number in range(20):
        path = tmp_path / f"{number}.jsonl"
        path.write_bytes(b"%d\n" % number)
        given += await rows(source)
        path.unlink()
    assert given == [b"0", *(b"%d" % number for number in range(20))]
    assert max(len(source._seen), len(source._read)) <= 5  # noqa: SLF001 - what it remembers shows nowhere else


async def test_files_beyond_the_bound_are_told(
    tmp_path: pathlib.Path, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that are not read because a folder holds too many are told, once, and again when they are more."""
    monkeypatch.setattr(documents, "FILES_MAX", 2)
    for number in range(3):
        (tmp_path / f"{number}.json").write_bytes(b"%d" % number)
    source = files(reports, tmp_path)
    assert [await rows(source) for _ in range(2)] == [[b"0", b"1"], []]
    assert reports.told == [
        ("document_files_too_many", {"path": str(tmp_path), "unread": 1, "files_max": 2}),
    ]
    (tmp_path / "3.json").write_bytes(b"3")
    assert (await rows(source), reports.told[-1][1]["unread"]) == ([], 2)


async def test_a_file_too_large(tmp_path: pathlib.Path, reports: Reports) -> None:
    """A file beyond the bound is told of and left out; it is not read."""
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(DOCUMENT_BYTES_MAX + 1)
    assert (await rows(files(reports, path)), reports.events) == ([], ["document_too_large"])


# --- pages ------------------------------------------------------------------------------------------------------------


class Site:
    """Serve one page, as the test says, and remember what was asked."""

    def __init__(self) -> None:
        """Serve an empty page."""
        self.body, self.status, self.headers = b"", 200, {}
        self.asked: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        """Answer, with 304 where the validator matches."""
        self.asked.append(dict(request.headers))
        if self.headers.get("ETag") and request.headers.get("If-None-Match") == self.headers["ETag"]:
            return web.Response(status=304, headers=self.headers)
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@pytest.fixture
def site() -> Site:
    """Give a site."""
    return Site()


@pytest.fixture
async def url(site: Site) -> AsyncIterator[str]:
    """Serve the site on loopback."""
    app = web.Application()
    app.router.add_get("/{tail:.*}", site.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/feed.xml"))


@pytest.fixture
async def pages(url: str, reports: Reports) -> AsyncIterator[Pages]:
    """Ask for the site's page at a fixed time."""
    source = Pages([f"{url}?key=secret"], report=reports, headers={"User-Agent": "t"}, clock=lambda: NOW, elapsed=float)
    yield source
    await source.close()


async def test_validators_are_sent(site: Site, pages: Pages) -> None:
    """A page that the server says is the same is not given again; its validators went with the second request."""
    site.body, site.headers = b"<rss/>", {"ETag": '"1"', "Last-Modified": "Thu, 25 Jul 2019 10:39:38 GMT"}
    assert await pages.poll() == [Document(b"<rss/>", NOW)]
    assert await rows(pages) == []
    assert "If-None-Match" not in site.asked[0]
    assert site.asked[1]["If-None-Match"] == '"1"'
    assert site.asked[1]["If-Modified-Since"] == "Thu, 25 Jul 2019 10:39:38 GMT"
    assert site.asked[1]["User-Agent"] == "t"
    site.body, site.headers = b"<rss>2</rss>", {"ETag": '"2"'}
    assert await rows(pages) == [b"<rss>2</rss>"]


async def test_servers_without_validators(site: Site, pages: Pages) -> None:
    """Where a server tells no validators, equal bytes are the same page."""
    site.body = b"1"
    assert [await rows(pages), await rows(pages)] == [[b"1"], []]
    site.body = b"2"
    assert await rows(pages) == [b"2"]


async def test_failures_are_told_and_tried_again(site: Site, pages: Pages, reports: Reports) -> None:
    """A refusal gives nothing and is asked again; no key in the address is ever shown."""
    site.status = 500
    assert (await rows(pages), reports.events) == ([], ["document_refused"])
    site.status, site.body = 200, b"1"
    assert await rows(pages) == [b"1"]
    assert "secret" not in str(reports.told)


async def test_a_server_may_ask_for_patience(url: str, site: Site, reports: Reports) -> None:
    """After `Retry-After` nothing is asked until the time has passed."""
    now = 0.0
    source = Pages([url], report=reports, headers={}, elapsed=lambda: now)
    site.status, site.headers = 429, {"Retry-After": "60"}
    await source.poll()
    now = 59.0
    await source.poll()
    assert len(site.asked) == 1
    now = 60.0
    await source.poll()
    await source.close()
    assert len(site.asked) == 2


async def test_a_server_may_name_a_date(url: str, site: Site, reports: Reports) -> None:
    """`Retry-After` may also say until when nothing is to be asked."""
    now = 0.0
    source = Pages([url], report=reports, headers={}, clock=lambda: NOW, elapsed=lambda: now)
    site.status, site.headers = 503, {"Retry-After": formatdate(NOW / 1e9 + 120, usegmt=True)}
    await source.poll()
    now = 119.0
    await source.poll()
    assert len(site.asked) == 1
    now = 120.0
    await source.poll()
    await source.close()
    assert len(site.asked) == 2


async def test_a_page_too_large(site: Site, pages: Pages, reports: Reports) -> None:
    """A page beyond the bound is told of and left out."""
    site.body = b"x" * (DOCUMENT_BYTES_MAX + 1)
    assert (await rows(pages), reports.events) == ([], ["document_too_large"])


async def test_nobody_there(tmp_path: pathlib.Path, reports: Reports) -> None:
    """A server that is not there is told of; other sources are asked all the same."""
    (tmp_path / "a.json").write_bytes(b"1")
    source = Together(Pages(["http://127.0.0.1:1/"], report=reports, headers={}), files(reports, tmp_path))
    assert (await rows(source), reports.events) == ([b"1"], ["document_unreadable"])
    await source.close()


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://x/", "x"])
def test_other_schemes(address: str, reports: Reports) -> None:
    """An address that is neither http nor https stops the start."""
    with pytest.raises(ValueError, match="http"):
        Pages([address], report=reports, headers={})


async def test_longer_than_is_read_at_once(
    reports: Reports, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of lines is read to its end however long it is; a line that is too long alone is left out, and said."""
    monkeypatch.setattr(documents, "DOCUMENT_BYTES_MAX", 16)
    (tmp_path / "archive.jsonl").write_bytes(b"".join(b"[%d]\n" % number for number in range(10, 30)))
    (tmp_path / "long.jsonl").write_bytes(b"x" * 32 + b"\n[1]\n")
    source, found = files(reports, tmp_path), list[bytes]()
    while (some := await rows(source)) or source.more:
        found += some
    assert [one for one in found if one != b"[1]"] == [b"[%d]" % number for number in range(10, 30)]
    assert found.count(b"[1]") == 1
    assert set(reports.events) == {"document_too_large"}


async def test_a_folder_larger_than_is_read_at_once(
    reports: Reports, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much a folder holds, a poll gives no more than the bound and one file; the next ones give the rest."""
    monkeypatch.setattr(documents, "DOCUMENT_BYTES_MAX", 16)
    for number in range(10, 30):
        (tmp_path / f"{number}.json").write_bytes(b"[%d]" % number)
        (tmp_path / f"{number}.jsonl").write_bytes(b"%d\n" % number)
    source, polls = files(reports, tmp_path), list[list[bytes]]()
    while (some := await rows(source)) or source.more:
        polls.append(some)
    assert max(sum(map(len, one)) for one in polls) <= 16 + 4
    given = [row for one in polls for row in one]
    assert sorted(given) == sorted(b for n in range(10, 30) for b in (b"[%d]" % n, b"%d" % n))
