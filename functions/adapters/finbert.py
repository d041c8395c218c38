"""Score texts with a BERT-shaped classifier that lies in a directory, as FinBERT is published.

    config.json              `id2label` names the classes in the order of the logits; `max_position_embeddings`
    vocab.txt                one piece a line; or tokenizer.json with a WordPiece model
    tokenizer_config.json    `do_lower_case`, may be absent
    model.onnx               or onnx/model.onnx: input_ids, attention_mask, perhaps token_type_ids; logits out

Texts are run one by one at their own length, so that a text has the same bits whatever is asked beside it.

ModelError      the directory is not what is said here (from `adapters.onnx`)
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from functions.adapters.onnx import ModelError
from functions.adapters.texts import NAME, ask, open_session, scored
from functions.domain.market import Float64, Int64, ModelOutput
from functions.domain.sentiment import NAMES
from functions.domain.serving import ModelSpec, Scored
from functions.domain.wordpiece import WordPiece
from functions.ports.models import ModelFailed

CONFIG: Final = "config.json"
TOKENS_MAX: Final = 512
FILE_BYTES_MAX: Final = 4 * 1024**3
THRESHOLD: Final = 0.5
"""Of the score: the directory names none, and nothing is flagged by it."""

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {"positive": "bullish", "negative": "bearish", **{name: name for name in NAMES}}
)
"""What classes are called, lower case, and what they mean here."""


Read = TypeVar("Read", bound=msgspec.Struct)


class _Config(msgspec.Struct, frozen=True):
    id2label: dict[str, str]
    max_position_embeddings: int = TOKENS_MAX


class _TokenizerConfig(msgspec.Struct, frozen=True):
    do_lower_case: bool = True


class _Pieces(msgspec.Struct, frozen=True):
    vocab: dict[str, int]
    type: str = "WordPiece"


class _Tokenizer(msgspec.Struct, frozen=True):
    model: _Pieces


class FinBert:
    """A loaded directory; its version is the digest of its model file."""

    broken: Final = ""

    def __init__(self, folder: Path) -> None:
        """Read the directory, and run it once, so that one of other shapes is refused now and not later.

        Raises:
            ModelError: A file is missing, unreadable or of another kind.
        """
        config = _read(folder / CONFIG, _Config)
        self._order = _order(folder, config.id2label)
        self._words = _words(folder, min(config.max_position_embeddings, TOKENS_MAX))
        file = _model_file(folder)
        self.spec = ModelSpec(NAME, f"finbert-{_digest(file)[:12]}", (), THRESHOLD, NAMES)
        self._stopped = False
        self._session = open_session(folder.name, file)
        self._inputs = {one.name for one in self._session.get_inputs()}
        if not {"input_ids", "attention_mask"} <= self._inputs <= {"input_ids", "attention_mask", "token_type_ids"}:
            detail = f"model {folder.name}: it takes {sorted(self._inputs)}, not input_ids and attention_mask"
            raise ModelError(detail)
        self._try(folder)

    def score(self, texts: Sequence[str]) -> ModelOutput:
        """Score texts; one without a word gets state 0."""
        return ask(self, texts)

    def run(self, rows: NDArray[np.object_]) -> Scored:
        """Score m texts (m,), one by one.

        Raises:
            ModelFailed: The runtime fails, a number is not finite, or somebody stopped it.
        """
        self._stopped, found = False, []
        for text in rows.tolist():
            if self._stopped:
                detail = "the model was stopped"
                raise ModelFailed(detail)
            try:
                found.append(self._run(self._words.encode(text)))
            except Exception as error:  # the runtime raises its own family; every failure means the same here
                detail = "the model could not be run"
                raise ModelFailed(detail) from error
        return scored(np.array(found))

    def stop(self) -> None:
        """End a run that is under way behind the text that is being read."""
        self._stopped = True

    def _run(self, pieces: list[int]) -> Float64:
        """Give the probabilities (3,) of a text, in the order of NAMES."""
        found = self._session.run(None, self._given(pieces))[0]
        logits = np.asarray(found, dtype=np.float64)[0][self._order]
        grown = np.exp(logits - logits.max())
        return np.asarray(grown / grown.sum(), dtype=np.float64)

    def _try(self, folder: Path) -> None:
        pieces = self._words.encode("")
        try:
            shape = np.shape(self._session.run(None, self._given(pieces))[0])
        except Exception as error:
            detail = f"model {folder.name}: it cannot be run: {error}"
            raise ModelError(detail) from error
        if shape != (1, len(NAMES)):
            detail = f"model {folder.name}: its first output has shape {shape}, not (1, {len(NAMES)})"
            raise ModelError(detail)

    def _given(self, pieces: list[int]) -> dict[str, Int64]:
        row = np.array([pieces], dtype=np.int64)
        given = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
        return {name: given[name] for name in self._inputs}


def _order(folder: Path, labels: Mapping[str, str]) -> list[int]:
    """Give the place of each of our classes among the logits."""
    places = {_WORDS.get(label.lower(), label): int(at) for at, label in labels.items() if at.isdecimal()}
    if set(places) != set(NAMES) or set(places.values()) != set(range(len(NAMES))):
        detail = f"model {folder.name}: id2label is {dict(labels)}; one each of {', '.join(_WORDS)} is needed"
        raise ModelError(detail)
    return [places[name] for name in NAMES]


def _words(folder: Path, tokens_max: int) -> WordPiece:
    settings = folder / "tokenizer_config.json"
    lower_case = _read(settings, _TokenizerConfig).do_lower_case if settings.is_file() else True
    try:
        return WordPiece(_vocabulary(folder), lower_case=lower_case, tokens_max=tokens_max)
    except ValueError as error:
        detail = f"model {folder.name}: {error}"
        raise ModelError(detail) from error


def _vocabulary(folder: Path) -> dict[str, int]:
    listed = folder / "vocab.txt"
    if listed.is_file():
        return {piece.rstrip("\r"): at for at, piece in enumerate(_bytes(listed).decode().split("\n"))}
    model = _read(folder / "tokenizer.json", _Tokenizer).model
    if model.type != "WordPiece":
        detail = f"model {folder.name}: its tokeniser is {model.type}; WordPiece is read"
        raise ModelError(detail)
    return model.vocab


def _model_file(folder: Path) -> Path:
    file = next((one for one in (folder / "model.onnx", folder / "onnx" / "model.onnx") if one.is_file()), None)
    if file is None or file.stat().st_size > FILE_BYTES_MAX:
        detail = f"model {folder.name}: there is no model.onnx of at most {FILE_BYTES_MAX} bytes in it or in onnx/"
        raise ModelError(detail)
    return file


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        detail = f"model {file.parent.name}: {error}"
        raise ModelError(detail) from error


def _read(file: Path, form: type[Read]) -> Read:
    try:
        return msgspec.json.decode(_bytes(file), type=form)
    except msgspec.DecodeError as error:
        detail = f"model {file.parent.name}: {file.name}: {error}"
        raise ModelError(detail) from error
