"""The interpreter does what Docker does, inside its roots and nowhere else."""

import pathlib
import subprocess
from collections.abc import Callable, Iterator
from typing import Final

import cells
import debian
import ignoring
import pytest
from counts import FULL
from dockerfile import Refused, read
from interpreter import Build, Context, Image

BASE: Final = "debian:bookworm-slim"
FILE: Final = """\
ARG BASE=elsewhere
ARG WORD=outer
FROM ${BASE} AS first
ARG WORD
ARG OTHER=${WORD}-${WORD}
ENV PLACE=/made
WORKDIR ${PLACE}
RUN --mount=type=cache,target=/kept --mount=type=secret,id=pip,target=/etc/told \\
    echo run >> /kept/runs && cp /kept/runs runs && cat /etc/told > told && echo "$OTHER $PWD" > words
COPY shown /link/
COPY shown .
RUN ln -s /made /absolute && touch -d 2020-01-01T00:00:00.5Z half
COPY shown/one /absolute/copied/
FROM first
COPY --from=first /made /again
LABEL is="a thing"
EXPOSE 80
USER 1000:1000
CMD ["cat", "/again/words"]
"""

pytestmark = pytest.mark.skipif(not FULL, reason="needs a root folder of a whole Debian: only in the full tier")


@pytest.fixture
def builder(tmp_path: pathlib.Path) -> Iterator[Callable[[str], Build]]:
    """Give what builds a Dockerfile in a small context; skip with the reason where there can be no roots."""
    if reason := debian.why_not():
        pytest.skip(reason)
    for name in ("context/shown/one", "context/shown/deep/two", "context/shown/hidden", "secret"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(file.name)
    (tmp_path / "work").mkdir()
    context = Context(
        tmp_path / "context",
        ignoring.Ignoring("**/hidden\n"),
        {BASE: debian.base(BASE)},
        tmp_path / "work",
        tmp_path / "caches",
        secrets={"pip": tmp_path / "secret"},
        arguments={"BASE": BASE},
    )
    yield lambda text: Build(read(text), context)
    assert str(tmp_path) not in pathlib.Path("/proc/mounts").read_text(encoding="utf-8")


def names(folder: pathlib.Path) -> set[str]:
    """Name what lies below a folder."""
    return {one.relative_to(folder).as_posix() for one in folder.rglob("*")}


def test_instructions(builder: Callable[[str], Build], tmp_path: pathlib.Path) -> None:
    """Arguments, variables, folders, mounts, copies and stages come out as Docker makes them."""
    image: Image = builder(FILE).image()
    made = image.root / "made"
    assert names(made) == {"runs", "told", "words", "one", "deep", "deep/two", "half", "copied", "copied/one"}
    assert names(image.root / "again") == names(made)
    assert names(image.root / "link") == {"one", "deep", "deep/two"}
    assert (made / "words").read_text() == "outer-outer /made\n"
    assert (made / "told").read_text() == "secret"
    assert (tmp_path / "caches" / "kept" / "runs").read_text() == "run\n"
    assert not (image.root / "kept").exists()
    assert not (image.root / "etc" / "told").exists()
    assert (made / "half").stat().st_mtime_ns == 1_577_836_800_000_000_000
    assert (image.labels, image.exposed, image.user) == ({"is": "a thing"}, (80,), (1000, 1000))
    program = cells.Program(image.root, image.command, image.env, image.workdir, *image.user, read_only=True)
    assert cells.run(program) == "outer-outer /made\n"


def test_nothing_leaves_the_root(builder: Callable[[str], Build], tmp_path: pathlib.Path) -> None:
    """A link to a place outside leads to the same place inside, and a mount does not follow one."""
    outside = tmp_path / "outside"
    outside.mkdir()
    text = f"FROM {BASE}\nRUN ln -s {outside} /link && mkdir -p {outside}\nCOPY shown /link/\n"
    root = builder(text).image().root
    assert names(outside) == set()
    assert names(root / str(outside).lstrip("/")) == {"one", "deep", "deep/two"}
    with pytest.raises(subprocess.CalledProcessError) as failed:
        cells.run(cells.Program(root, ("true",), {"PATH": "/bin"}, mounts=[cells.Mount("/link", size="1m")]))
    assert "would follow" in failed.value.stdout


def test_a_step_that_fails(builder: Callable[[str], Build]) -> None:
    """A failing step ends the build with what it wrote."""
    with pytest.raises(subprocess.CalledProcessError) as failed:
        builder(f"FROM {BASE}\nRUN echo so it was && false\n").image()
    assert failed.value.stdout == "so it was\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("FROM nowhere:1\n", "no base that is here"),
        (f"FROM {BASE}\nCOPY missing /x/\n", "missing is not in the context"),
        (f"FROM {BASE}\nCOPY shown/hidden /x/\n", "hidden is not in the context"),
        (f"FROM {BASE}\nCOPY shown/one /x\n", "a file goes into a folder"),
        (f"FROM {BASE}\nUSER 1:1\nRUN true\n", "only root runs steps"),
    ],
)
def test_refused(builder: Callable[[str], Build], text: str, why: str) -> None:
    """What does not fit what is there is refused with its line."""
    with pytest.raises(Refused, match=why):
        builder(text).image()
