"""Read a Dockerfile into its stages, strictly: what is not understood is refused with its line.

The subset is what `knative/Dockerfile` may use. There are no directives, no heredocs, no ONBUILD, no ADD and no shell
forms of CMD: each would be a promise that the interpreter must keep.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

FLAGS: Final[Mapping[str, frozenset[str]]] = {
    "ARG": frozenset(),
    "CMD": frozenset(),
    "COPY": frozenset({"from"}),
    "ENV": frozenset(),
    "EXPOSE": frozenset(),
    "FROM": frozenset(),
    "LABEL": frozenset(),
    "RUN": frozenset({"mount"}),
    "USER": frozenset(),
    "WORKDIR": frozenset(),
}
"""Instructions that are known, each with its flags."""
GLOBAL: Final = "ARG"  # the only one that may stand before the first FROM

_DIRECTIVE: Final = re.compile(r"#\s*(syntax|escape|check)\s*=", re.IGNORECASE)
_INSTRUCTION: Final = re.compile(r"([A-Za-z]+)\s+(.*)", re.DOTALL)
_FLAG: Final = re.compile(r"--([a-z]+)=(\S+)\s+")
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_VARIABLE: Final = re.compile(rf"\$(?:({_NAME})|\{{({_NAME})(?::-([^${{}}]*))?\}})")
_STAGE: Final = re.compile(r"[a-z][a-z0-9-]*")
_PAIR: Final = re.compile(r"([A-Za-z0-9_.-]+)=(.*)", re.DOTALL)


class Refused(Exception):  # noqa: N818 - reads as what happened
    """A Dockerfile says what this interpreter does not know; the message begins with the line's number."""

    def __init__(self, line: int, what: str) -> None:
        """Put the line before the reason."""
        super().__init__(f"line {line}: {what}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: where it stands, its name in capitals, its flags in order, and the rest as written."""

    line: int
    name: str
    flags: tuple[tuple[str, str], ...]
    rest: str

    def words(self, known: Mapping[str, str]) -> list[str]:
        """Split the rest into words, with variables replaced.

        Args:
            known: Values by name.

        Raises:
            Refused: A variable is unknown, or the text is quoted in a way that is not understood.
        """
        if "'" in self.rest or "\\" in self.rest:
            raise Refused(self.line, f"single quotes and backslashes mean too much in {self.name}")
        try:
            return [self._expand(word, known) for word in shlex.split(self.rest)]
        except ValueError as error:
            raise Refused(self.line, str(error)) from None

    def pairs(self, known: Mapping[str, str]) -> dict[str, str]:
        """Read `NAME=value ...`, with variables replaced by what was known before this instruction."""
        found = {}
        for word in self.words(known):
            match = _PAIR.fullmatch(word)
            if match is None:
                raise Refused(self.line, f"{self.name} takes NAME=value, found {word!r}")
            found[match[1]] = match[2]
        return found

    def program(self) -> tuple[str, ...]:
        """Read a program and its arguments in the JSON form."""
        try:
            words = json.loads(self.rest)
        except ValueError:
            words = None
        if not (isinstance(words, list) and words and all(isinstance(one, str) for one in words)):
            raise Refused(self.line, f"{self.name} takes a JSON list of words")
        return tuple(words)

    def _expand(self, word: str, known: Mapping[str, str]) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            if name in known:
                return known[name] or match[3] or ""
            if match[3] is not None:
                return match[3]
            raise Refused(self.line, f"{name} was not declared")

        if "$" in _VARIABLE.sub("", word):
            raise Refused(self.line, f"cannot read the variables in {word!r}")
        return _VARIABLE.sub(value, word)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: where it begins, its FROM, its name (empty for none), and what it does."""

    line: int
    source: Instruction
    name: str
    steps: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """The arguments that hold for every FROM, and the stages in order; the last one is the image."""

    arguments: tuple[Instruction, ...]
    stages: tuple[Stage, ...]

    def stage(self, name: str) -> Stage | None:
        """Find a stage by name."""
        return next((one for one in self.stages if one.name == name), None)


def read(text: str) -> Dockerfile:
    """Read a Dockerfile.

    Args:
        text: The whole file.

    Raises:
        Refused: It says something that is not understood; with the line.
    """
    arguments: list[Instruction] = []
    stages: list[tuple[Instruction, list[Instruction]]] = []
    for one in _instructions(text):
        if one.name == "FROM":
            stages.append((one, []))
        elif stages:
            stages[-1][1].append(one)
        elif one.name == GLOBAL:
            arguments.append(one)
        else:
            raise Refused(one.line, f"{one.name} stands before the first FROM")
    if not stages:
        raise Refused(1, "there is no FROM")
    made = tuple(Stage(source.line, source, _named(source), tuple(steps)) for source, steps in stages)
    names = [one.name for one in made if one.name]
    if len(set(names)) < len(names):
        raise Refused(made[-1].line, f"two stages have one name: {', '.join(sorted(names))}")
    return Dockerfile(tuple(arguments), made)


def _named(source: Instruction) -> str:
    words = source.rest.split()
    if len(words) == 1:
        return ""
    if len(words) != 3 or words[1].upper() != "AS" or not _STAGE.fullmatch(words[2]):
        raise Refused(source.line, f"FROM takes IMAGE or IMAGE AS NAME, found {source.rest!r}")
    return words[2]


def _instructions(text: str) -> Iterator[Instruction]:
    for line, whole in _logical_lines(text):
        match = _INSTRUCTION.fullmatch(whole.strip())
        if match is None:
            raise Refused(line, f"cannot read {whole.strip()!r}")
        name, rest = match[1].upper(), match[2].strip()
        if name not in FLAGS:
            raise Refused(line, f"{name} is not known here")
        if "<<" in rest:
            raise Refused(line, "heredocs are not known here")
        flags = []
        while found := _FLAG.match(rest):
            if found[1] not in FLAGS[name]:
                raise Refused(line, f"{name} --{found[1]} is not known here")
            flags.append((found[1], found[2]))
            rest = rest[found.end() :]
        if rest.startswith("--"):
            raise Refused(line, f"{name} {rest.split()[0]} is not known here")
        yield Instruction(line, name, tuple(flags), rest)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Join continued lines; comments are dropped, inside of them too, as Docker does."""
    begun, parts = 0, ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith("#"):
            if _DIRECTIVE.match(line):
                raise Refused(number, "directives are not known here")
            continue
        if not line:
            if parts:
                raise Refused(number, "an empty line inside an instruction")
            continue
        begun = begun if parts else number
        continued = line.endswith("\\")
        parts += f"{line.removesuffix(chr(92)).rstrip()} " if continued else line
        if not continued:
            yield begun, parts
            parts = ""
    if parts:
        raise Refused(begun, "the last instruction is not ended")
