"""Write each handler's `func.yaml` from its KService, so that `func deploy --image` deploys what our manifest does.

`func` gives a container no arguments, so the function is chosen by FUNCTION_MODULE, which the image's own command
reads. What `func.yaml` has no word for is left out: `func` takes Knative's defaults there.
"""

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from functions.local.deployment.generated import KNATIVE, written
from functions.local.deployment.kn_lines import VISIBILITY, Manifest, manifest_of

FUNCTIONS: Final = KNATIVE.parent / "functions/handlers"
HEAD: Final = "# Generated from knative/functions/{name}.yaml by `tickloom deploy generate`; not edited by hand.\n"
SPEC: Final = "0.36.0"
CREATED: Final = "2026-11-21T00:00:00Z"
CHOICE: Final = "FUNCTION_MODULE"
SCALE: Final = {"min": "min-scale", "max": "max-scale", "target": "target"}
_SOURCES: Final = {"secretKeyRef": "secret", "configMapKeyRef": "configMap"}


def texts(functions: pathlib.Path = FUNCTIONS) -> dict[pathlib.Path, str]:
    """Give every handler's file."""
    names = sorted(file.parent.name for file in functions.glob("*/main.py"))
    return {
        functions / name / "func.yaml": HEAD.format(name=name) + written([document(manifest_of(name))])
        for name in names
    }


def document(manifest: Manifest) -> dict[str, Any]:
    """Say a KService in the words of `func.yaml`."""
    metadata, template = manifest["metadata"], manifest["spec"]["template"]
    container = template["spec"]["containers"][0]
    return {
        "specVersion": SPEC,
        "name": metadata["name"],
        "runtime": "python",
        "created": CREATED,
        "invoke": "cloudevent",
        "run": {"envs": [{"name": CHOICE, "value": container["args"][-1]}, *_environment(container)]},
        "deploy": {
            "namespace": metadata["namespace"],
            "serviceAccountName": template["spec"]["serviceAccountName"],
            "labels": [{"key": VISIBILITY, "value": metadata["labels"][VISIBILITY]}],
            "healthEndpoints": {
                "liveness": container["livenessProbe"]["httpGet"]["path"],
                "readiness": container["readinessProbe"]["httpGet"]["path"],
            },
            "options": {"scale": _scale(template["metadata"]["annotations"]), "resources": _resources(template)},
        },
    }


def _environment(container: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for one in container["env"]:
        if "value" in one:
            yield {"name": one["name"], "value": one["value"]}
        else:
            ((key, source),) = one["valueFrom"].items()
            yield {"name": one["name"], "value": f"{{{{ {_SOURCES[key]}:{source['name']}:{source['key']} }}}}"}


def _scale(annotations: Mapping[str, str]) -> dict[str, int]:
    found = {word: annotations.get(f"autoscaling.knative.dev/{name}") for word, name in SCALE.items()}
    return {word: int(text) for word, text in found.items() if text is not None}


def _resources(template: Mapping[str, Any]) -> dict[str, Any]:
    resources = template["spec"]["containers"][0]["resources"]
    concurrency = {"concurrency": template["spec"]["containerConcurrency"]}
    return {"requests": resources["requests"], "limits": {**resources["limits"], **concurrency}}
