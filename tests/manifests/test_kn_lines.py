"""Lines of `kn` make our manifests, but for what `kn` has no flag for, which is named."""

import pathlib
import subprocess
from collections.abc import Callable
from typing import Any, Final

import pytest
import yaml

from functions.cli.main import main
from functions.local.deployment.generated import KNATIVE
from functions.local.deployment.kn_lines import FOLDERS, leaves, line_of, manifest_of

POD: Final = "spec.template.spec"
UNSAID: Final = {
    f"{POD}.automountServiceAccountToken",
    f"{POD}.enableServiceLinks",
    f"{POD}.containers[0].securityContext.readOnlyRootFilesystem",
    f"{POD}.containers[0].readinessProbe.grpc.port",  # kn knows http, exec and tcp
    f"{POD}.containers[0].livenessProbe.grpc.port",
}
KN_S_MAX: Final = 30.0
FILES: Final = [file for folder in FOLDERS for file in sorted((KNATIVE / folder).glob("*.yaml"))]
NAMES: Final = [file.stem for file in FILES if file.stem != "kustomization"]


def said(manifest: Any) -> dict[str, object]:  # noqa: ANN401 - what YAML holds
    """Take a manifest apart, without what `kn` marks as its own and what Go writes for nothing."""
    found = {".".join(map(str, path)): value for path, value in leaves(manifest)}
    own = ("status", "client.knative.dev", f"{POD}.containers.0.name")
    return {path: value for path, value in found.items() if not any(one in path for one in own) and value != 0}


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_said_is_known(name: str) -> None:
    """`kn` says every key of a KService but five, and each that it cannot say is told with the line."""
    line = line_of(manifest_of(name))
    assert set(line.unsaid) <= UNSAID
    assert all(f"# kn has no flag for {path}\n" in line.text for path in line.unsaid)


def words_of(text: str) -> list[str]:
    """Let a shell read a line of `kn`, and give the words that it would hand over."""
    script = f"kn() {{ printf '%s\\0' kn \"$@\"; }}\n{text}"
    done = subprocess.run(("bash", "-ec", script), capture_output=True, check=True)  # noqa: S603, S607 - any bash
    return done.stdout.decode().split("\0")[:-1]


def test_text_is_words() -> None:
    """A shell reads what is printed as the command word by word."""
    line = line_of(manifest_of("normalize"))
    assert tuple(words_of(line.text)) == line.words


def test_a_new_key_is_not_lost() -> None:
    """A key that no flag says is told, wherever it comes."""
    manifest = manifest_of("normalize")
    manifest["spec"]["template"]["spec"]["containers"][0]["startupProbe"] = {"tcpSocket": {"port": 8080}}
    assert f"{POD}.containers[0].startupProbe.tcpSocket.port" in line_of(manifest).unsaid


def test_a_weaker_context_is_not_strict() -> None:
    """A container that may gain rights is not said to be strict."""
    manifest = manifest_of("normalize")
    manifest["spec"]["template"]["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    line = line_of(manifest)
    assert "--security-context" not in line.words
    assert f"{POD}.containers[0].securityContext.allowPrivilegeEscalation" in line.unsaid


def test_configuration_and_probes() -> None:
    """Keys of ConfigMaps, and how often a probe asks, are said as well."""
    manifest = manifest_of("normalize")
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]
    container["readinessProbe"] = {"httpGet": {"path": "/up", "port": 9000}, "periodSeconds": 2}
    text = line_of(manifest).text
    assert "--env-value-from A=config-map:c:k" in text
    assert "--probe-readiness http::9000:/up" in text
    assert "--probe-readiness-opts periodSeconds=2" in text


@pytest.mark.parametrize("name", NAMES)
def test_kn_makes_our_manifest(name: str, tool: Callable[[str], pathlib.Path], tmp_path: pathlib.Path) -> None:
    """Real `kn service create --target` writes the committed KService, but for what the line names."""
    manifest = manifest_of(name)
    line = line_of(manifest)
    words = (str(tool("kn")), *line.words[1:], "--target", str(tmp_path))
    done = subprocess.run(  # noqa: S603 - our own line
        words, env={"HOME": str(tmp_path)}, capture_output=True, timeout=KN_S_MAX, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    made = yaml.safe_load((tmp_path / "tickloom/ksvc" / f"{name}.yaml").read_text())
    unsaid = {path.replace("[", ".").replace("]", "") for path in line.unsaid}
    assert said(made) == {path: value for path, value in said(manifest).items() if path not in unsaid}


def test_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """`tickloom deploy kn` prints the line, with another image and a folder where they are asked for."""
    assert main(["deploy", "kn", "normalize", "--image", "r/t@sha256:1", "--target", "out"]) == 0
    words = words_of(capsys.readouterr().out)
    assert words[:4] == ["kn", "service", "create", "normalize"]
    assert words[words.index("--image") + 1] == "r/t@sha256:1"
    assert words[-2:] == ["--target", "out"]


def test_verb_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that no KService bears is wrong usage, and those there are are listed."""
    assert main(["deploy", "kn", "normalise"]) == 2
    assert "normalize" in capsys.readouterr().err
