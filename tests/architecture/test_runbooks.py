"""Runbooks are short, name every alert, and say only commands that work: on one machine here, else in a cluster."""

import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml
from counts import FULL
from runs import BIN, environment, tickloom
from simulated import DIALECT, tape

from functions.cli.main import VERBS
from functions.local.foundation import WHERE

ROOT: Final = pathlib.Path(__file__).parents[2]
KNATIVE: Final = ROOT / "knative"
RUNBOOKS: Final = KNATIVE / "runbooks"
PAGES: Final = sorted(path for path in RUNBOOKS.glob("*.md") if path.name != "README.md")
LINES_MAX: Final = 50
BLOCK: Final = re.compile(r"^```([^\n]+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
HERE: Final = "sh"
CLUSTER: Final = "sh cluster"
PROGRAMS: Final = {HERE: {"tickloom", "df", "(cd"}, CLUSTER: {"kubectl", "kn", "tickloom"}}
SINCE: Final = "2000-01-01T00:00:00Z"
STAMP_BYTES: Final = len("1700000000000000000 ")
WITHIN_S: Final = 120
LISTING: Final = {
    "symbols": [
        {
            "symbol": "ETHUSDT",
            "status": "TRADING",
            "baseAsset": "ETH",
            "baseAssetPrecision": 8,
            "quoteAsset": "USDT",
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT"],
            "permissions": ["SPOT"],
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
                {"filterType": "LOT_SIZE", "minQty": "0.0001", "maxQty": "9000", "stepSize": "0.0001"},
            ],
        }
    ],
    "timezone": "UTC",
    "rateLimits": [],
    "exchangeFilters": [],
    "serverTime": 1_700_000_000_000,
}
"""What a venue lists, as it answers `exchangeInfo`."""


def blocks(page: pathlib.Path, kind: str) -> list[str]:
    """List the command lines of a page's blocks of a kind."""
    return [line for found, text in BLOCK.findall(page.read_text()) if found == kind for line in text.splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_is_one_page(page: pathlib.Path) -> None:
    """A page fits a screen, opens with what is seen and what still holds, and looks, acts and proves in this order."""
    text = page.read_text()
    assert len(text.splitlines()) <= LINES_MAX
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Look", "Act", "Prove"]
    assert text.index("**Seen:**") < text.index("**Still holds:**") < text.index("## Look")
    assert f"]({page.name})" in (RUNBOOKS / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_say_where_they_run(page: pathlib.Path) -> None:
    """Every block runs below, or is named as needing a cluster; each of its lines is a command that is known."""
    kinds = {kind for kind, _ in BLOCK.findall(page.read_text())}
    assert HERE in kinds <= {HERE, CLUSTER}
    for kind in kinds:
        for line in blocks(page, kind):
            assert line.split()[0] in PROGRAMS[kind], line
            words = shlex.split(line)
            assert words[0] != "tickloom" or words[1] in VERBS


def manifests() -> list[dict[str, Any]]:
    """Read what is deployed: the files of one deployable each."""
    files = (path for room in ("functions", "services", "tables", "feeds") for path in (KNATIVE / room).glob("*.yaml"))
    return [one for path in files for one in yaml.safe_load_all(path.read_text()) if one]


def test_a_new_secret_reaches_who_holds_it() -> None:
    """A key's page starts every pod anew that has a secret: KServices by their pods, the rest by kind and label."""
    said = "\n".join(blocks(RUNBOOKS / "key-leaked.md", CLUSTER))
    restarted = set(
        re.findall(r"rollout restart (\S+) --selector app.kubernetes.io/part-of=tickloom", said)[0].split(",")
    )
    holders = [one for one in manifests() if "secretKeyRef" in json.dumps(one) and one["kind"] != "Kustomization"]
    assert {one["kind"] for one in holders} == {"Service", "StatefulSet"}
    for one in holders:
        if one["apiVersion"].startswith("serving.knative.dev/"):
            assert "delete pods --selector serving.knative.dev/service" in said
        else:
            assert one["kind"].lower() in restarted
            assert one["metadata"]["labels"]["app.kubernetes.io/part-of"] == "tickloom"


def test_a_restore_wakes_nobody() -> None:
    """A restore stops feeds and tables alike, with KEDA paused, and what is asleep in the manifests stays so."""
    said = blocks(RUNBOOKS / "restore.md", CLUSTER)
    asleep = {one["metadata"]["name"] for one in manifests() if one.get("spec", {}).get("replicas") == 0}
    assert "fix" in asleep
    stopped = next(line for line in said if " scale " in line)
    assert {"deployment,statefulset", "--replicas=0"} <= {*stopped.split()}
    assert [line for line in said if re.search(r"--replicas=[1-9]", line)] == []
    assert "paused-replicas=0" in said[0]
    assert said[-1].endswith("paused-replicas-")


def test_every_alert_has_a_page() -> None:
    """Each alert that the rules raise stands with one page, and no page answers an alert that is not raised."""
    rules = [yaml.safe_load(path.read_text()) for path in (ROOT / "knative/observability/rules").glob("*.yaml")]
    raised = {
        rule["alert"] for one in rules for group in one.get("groups", ()) for rule in group["rules"] if "alert" in rule
    }
    table = (RUNBOOKS / "README.md").read_text()
    assert raised == set(re.findall(r"`([A-Z][A-Za-z]+)`", table))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """Run a platform in `var/up` that has replayed a simulated tape with one bad row in it."""
    at = tmp_path_factory.mktemp("runbooks")
    lines = tape(at / "tape.txt", seconds=30).read_bytes().splitlines(keepends=True)
    middle = len(lines) // 2
    (at / "bad.txt").write_bytes(b"".join([*lines[:middle], lines[middle][:STAMP_BYTES] + b"{\n", *lines[middle:]]))
    folder = at / "var/up"
    tickloom("replay", at / "bad.txt", "--dialect", DIALECT, "--folder", folder)
    command = [str(BIN / "tickloom"), "up", "--folder", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment())  # noqa: S603 - ours
    try:
        until = time.monotonic() + WITHIN_S
        while not (folder / WHERE).exists():
            assert process.poll() is None
            assert time.monotonic() < until, "the platform is not up"
            time.sleep(0.1)  # another process writes the note; it has no event we could wait for
        (at / "listing.json").write_text(json.dumps(LISTING))
        (at / "mended.json").write_bytes(lines[middle][STAMP_BYTES:])
        yield at
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(WITHIN_S)


@pytest.mark.skipif(not FULL, reason="runs some thirty commands on a platform; the full tier does")
def test_commands_run(place: pathlib.Path) -> None:
    """Every command of every page that needs no cluster runs, in the order of its page, and ends well."""
    listed = tickloom("dlq", "list", "--folder", place / "var/up").stdout
    environ = {**environment(), "SINCE": SINCE, "KEY": listed.split()[0]}
    failed = []
    for page in PAGES:
        for line in blocks(page, HERE):
            done = subprocess.run(  # noqa: S603 - the page's own
                ["/bin/sh", "-c", line],
                cwd=place,
                env=environ,
                capture_output=True,
                text=True,
                timeout=WITHIN_S,
                check=False,
            )
            if done.returncode:
                failed.append(f"{page.name}: {line}\n{done.stdout}{done.stderr}")
    assert not failed, "\n".join(failed)
    assert "redriven 1 times" in tickloom("dlq", "list", "--folder", place / "var/up").stdout
    assert os.listdir(place / "var/backup")  # noqa: PTH208 - names are enough
