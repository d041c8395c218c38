"""Find every RPC of our contracts in the generated stubs, and make requests and answers for them."""

import importlib
import pathlib
from typing import Any

from google.protobuf import descriptor, message_factory

GEN = pathlib.Path(__file__).parents[1] / "gen"


def services() -> list[descriptor.ServiceDescriptor]:
    """List the services of all stubs."""
    found = sorted(GEN.glob("tickloom/*/v1/*_pb2.py"))
    modules = [importlib.import_module(".".join(file.relative_to(GEN).with_suffix("").parts)) for file in found]
    return [service for module in modules for service in module.DESCRIPTOR.services_by_name.values()]


def rpcs() -> dict[str, descriptor.MethodDescriptor]:
    """Name every RPC, as `package.Service/Method`."""
    return {f"{one.full_name}/{method.name}": method for one in services() for method in one.methods}


def made(kind: descriptor.Descriptor, path: str = "", value: str = "") -> Any:  # noqa: ANN401 - any message
    """Make a message, with a value at a path, `[]` behind repeated fields; without a path it is empty."""
    message = message_factory.GetMessageClass(kind)()
    if path:
        _set(message, path, value)
    return message


def paths_to(name: str, kind: descriptor.Descriptor, seen: tuple[str, ...] = ()) -> set[str]:
    """Find all texts of a name in a message, however deep."""
    found: set[str] = set()
    for field in kind.fields:
        here = f"{field.name}[]" if field.is_repeated else field.name
        if field.name == name and field.type == field.TYPE_STRING:
            found.add(here)
        elif field.message_type is not None and field.message_type.full_name not in seen:
            found |= {f"{here}.{path}" for path in paths_to(name, field.message_type, (*seen, kind.full_name))}
    return found


def _set(message: Any, path: str, value: str) -> None:  # noqa: ANN401
    name, _, rest = path.partition(".")
    if name.endswith("[]"):
        _set(getattr(message, name[:-2]).add(), rest, value)
    elif rest:
        _set(getattr(message, name), rest, value)
    else:
        setattr(message, name, value)
