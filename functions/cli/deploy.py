"""Render, compare, check and generate the manifests of `knative/`, and bring a database's tables up to date.

`diff` leaves with 1 where there are differences, as `diff` itself does.
"""

import argparse
import asyncio
import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import yaml

from functions.cli import deploy_check, deploy_dashboards, deploy_kn
from functions.cli.environment import own_environment
from functions.cli.errors import CliError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

DIFFERENT: Final = 1
CLUSTER_S: Final = 300.0


def register(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parts = parser.add_subparsers(dest="part", required=True, metavar="PART")
    overlay = "an overlay: dev, staging, prod, k3s, or the path of a folder with a kustomization"
    render = parts.add_parser("render", help="print everything an overlay deploys")
    render.add_argument("overlay", metavar="OVERLAY", help=overlay)
    diff = parts.add_parser("diff", help="show what an overlay would change")
    diff.add_argument("overlay", metavar="OVERLAY", help=overlay)
    diff.add_argument(
        "--against",
        metavar="OVERLAY|FILE",
        help="what to compare with, object by object: another overlay, or a render in a file "
        "(default: the cluster that kubectl reaches, as `kubectl diff` does: what the server would make of it)",
    )
    deploy_check.arguments(parts.add_parser("check", help="check an overlay, each finding with its file and line"))
    deploy_dashboards.arguments(
        parts.add_parser("dashboards", help="write dashboards and the table of metrics from what the code declares")
    )
    deploy_kn.arguments(parts.add_parser("kn", help="say a handler or service as a line of Knative's `kn`"))
    generate = parts.add_parser("generate", help="write the manifests that follow from the wiring and the cards")
    generate.add_argument("--check", action="store_true", help="write nothing; leave with 1 where a file is stale")
    parts.add_parser("migrate", help="bring the tables of DATABASE_URL up to date")


def run(args: argparse.Namespace) -> int:
    """Do one part."""
    from functions.local.deployment.kustomize import RenderError  # noqa: PLC0415 - only a part that was chosen pays
    from functions.local.deployment.objects import ManifestError  # noqa: PLC0415 - as above

    parts: dict[str, Callable[[argparse.Namespace], int]] = {
        "render": _render,
        "diff": _diff,
        "check": deploy_check.check,
        "dashboards": deploy_dashboards.run,
        "kn": deploy_kn.run,
        "generate": _generate,
        "migrate": _migrate,
    }
    try:
        return parts[args.part](args)
    except (ManifestError, RenderError) as error:
        raise CliError(str(error)) from error


def _render(args: argparse.Namespace) -> int:
    from functions.local.deployment.kustomize import render  # noqa: PLC0415 - see above

    text = render(args.overlay)
    sys.stdout.write(json.dumps(list(yaml.safe_load_all(text)), indent=1) + "\n" if args.json else text)
    return 0


def _diff(args: argparse.Namespace) -> int:
    from functions.local.deployment.kustomize import changes, identified, render  # noqa: PLC0415 - see above

    text = render(args.overlay)
    if args.against is None:
        if args.json:
            msg = "kubectl tells differences as text; with --json, name an overlay or a file with --against"
            raise UsageError(msg)
        return _against_cluster(text)
    found = changes(identified(_other(args.against), args.against), identified(text, args.overlay))
    if args.json:
        told = [{"object": one.where, "path": one.path, "before": one.before, "after": one.after} for one in found]
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
    else:
        sys.stdout.writelines(f"{one}\n" for one in found)
    return DIFFERENT if found else 0


def _other(against: str) -> str:
    from functions.local.deployment.kustomize import render  # noqa: PLC0415 - see above

    file = pathlib.Path(against)
    return file.read_text() if file.is_file() else render(against)


def _against_cluster(text: str) -> int:
    """Let kubectl ask the cluster what each object would become, and show the difference."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        msg = "kubectl is not here, so there is no cluster to compare with; name an overlay or a file with --against"
        raise UsageError(msg)
    words = (kubectl, "diff", "--filename", "-")
    done = subprocess.run(words, input=text, text=True, capture_output=True, timeout=CLUSTER_S, check=False)  # noqa: S603 - our words
    if done.returncode > DIFFERENT:
        msg = f"kubectl cannot compare: {done.stderr.strip()}; without a cluster, name an overlay or a file: --against"
        raise CliError(msg)
    sys.stdout.write(done.stdout)
    return done.returncode


def _generate(args: argparse.Namespace) -> int:
    from functions.local.deployment import func_files, generated  # noqa: PLC0415 - see above

    files = {generated.KNATIVE / path: text for path, text in generated.texts(generated.read()).items()}
    texts = files | func_files.texts()
    stale = [file for file, text in texts.items() if not file.is_file() or file.read_text() != text]
    for file in stale:
        if not args.check:
            file.write_text(texts[file])
    deploy_dashboards.say(args, [os.path.relpath(file, generated.KNATIVE) for file in stale])
    return DIFFERENT if stale and args.check else 0


def _migrate(args: argparse.Namespace) -> int:
    url = own_environment().get("DATABASE_URL", "")
    if not url:
        msg = "set DATABASE_URL to the database whose tables are brought up to date"
        raise UsageError(msg)
    applied = asyncio.run(_migrated(url))
    if args.json:
        sys.stdout.write(json.dumps(applied) + "\n")
    else:
        sys.stdout.write("".join(f"applied {name}\n" for name in applied) or "up to date\n")
    return 0


async def _migrated(url: str) -> tuple[str, ...]:
    from functions.adapters.postgres import migrate, open_pool  # noqa: PLC0415 - see above

    pool = await open_pool(url, size=1)
    try:
        return await migrate(pool)
    finally:
        await pool.close()
