"""Say where a venue's rows have their prints and quotes, so that one kernel reads the rows of every venue.

A plan is a table: shapes of prints and quotes, and for each where its values stand. Paths are names and places parted
by points, `*` for each element of a list: `data.*` for the entries, `price` or `Fields.BID` within one, and
`/timestamp` for a value of the row itself. What a plan cannot say is left to the venue's other readers, and so is every
row that is not plain: a plan must give what `read_row` gives for each row that fits it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from functions.domain.market import Int64, UInt8
from functions.wire.venues import plan_kernel as kernel
from functions.wire.venues import row_kernel

HOURS_A_DAY: Final = 24
NO_HOURS: Final = np.zeros(HOURS_A_DAY, np.int64)
"""Hours where no wall clock is read."""
NO_HOURS.flags.writeable = False
_PLACES_MAX: Final = 62


@dataclass(frozen=True, slots=True)
class Time:
    """Say where a time stands and how it is written.

    Args:
        form: One of the kernel's forms.
        paths: Where it stands; what the further ones are is the form's.
        optional: Whether it may be missing.
    """

    form: int
    paths: tuple[str, ...]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Id:
    """Say where an id stands and how it is written; one that is optional and missing is none."""

    form: int
    path: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Flags:
    """Say where flags stand, how they are written, and what each number, letter or bit does: at most 256."""

    form: int
    path: str
    table: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """Say where a print or a quote has its values.

    Args:
        section: `kernel.TRADE` or `kernel.QUOTE`.
        kind: The venue's name of the kind.
        entries: Where such entries stand; the row itself is "".
        figures: Price and size, or bid, its size, ask and its size; an empty path is always 0, one that begins with `?`
            is 0 where it is missing.
        symbol: Where the symbol stands; empty where it is the batch's.
        time: Its time; None where there is none.
        when: Texts that must stand at paths; a path that begins with `?` may be missing.
        any_of: Paths of which one must be there.
        id: Its id.
        side: Where the word for its side stands, and what each says.
        more: Flags that are written.
        flags: Flags that all have.
        fractions: Digits of each figure behind a point that is not written.
        columns: How many columns the row has; 0 for JSON.
    """

    section: int
    kind: str
    entries: tuple[str, ...]
    figures: tuple[str, ...]
    symbol: str = ""
    time: Time | None = None
    when: Mapping[str, str] = field(default_factory=dict)
    any_of: tuple[str, ...] = ()
    id: Id | None = None
    side: tuple[str, Mapping[str, int]] | None = None
    more: Flags | None = None
    flags: int = 0
    fractions: tuple[int, ...] = (0, 0, 0, 0)
    columns: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """Say what a batch's symbol tells.

    Args:
        symbol: Symbol of rows that name none; empty for none.
        name: Gives the symbol that a symbol as written stands for.
        hours: (24,) when each hour of the wall clock's day begins, UTC nanoseconds.
    """

    symbol: str
    name: Callable[[str], str] = str
    hours: Int64 = field(default_factory=lambda: NO_HOURS)


@dataclass(frozen=True)
class Plan:
    """Say where a venue's rows have their prints and quotes.

    Args:
        shapes: What an entry may be; one that is of several is each of them.
        facts: What a batch's symbol tells; None where the plan does not fit the batch.
        lengths: Lists that must have so many elements, by path.
        refused: Values within entries whose rows are left, by path.
        is_csv: Whether rows are columns parted by commas.
    """

    shapes: tuple[Shape, ...]
    facts: Callable[[str], Facts | None] = Facts
    lengths: Mapping[str, int] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    is_csv: bool = False

    @cached_property
    def tables(self) -> "Tables":
        """Write the plan as the kernel's tables."""
        return _Builder(self).tables()


@dataclass(frozen=True, slots=True)
class Tables:
    """Hold a plan as arrays; see `row_kernel` and `plan_kernel`."""

    nodes: Int64
    names: Int64
    texts: UInt8
    choices: Int64
    shapes: Int64
    guards: Int64
    sides: Int64
    flags: Int64
    slots: int


@dataclass(slots=True)
class _Node:
    """Hold what is known of one place while a plan is read."""

    names: dict[str, "_Node"] = field(default_factory=dict)
    items: dict[int, "_Node"] = field(default_factory=dict)
    each: "_Node | None" = None
    slot: int = -1
    of_entry: bool = False
    entry_object: int = 0
    entry_list: int = 0
    length: int = -1
    is_list: bool = False
    is_refused: bool = False
    words: tuple[int, int] = (0, 0)
    number: int = -1

    def child(self, step: str) -> "_Node":
        """Give the node that a step of a path leads to."""
        if step == "*":
            self.each = self.each or _Node()
            return self.each
        if step.isdigit():
            return self.items.setdefault(int(step), _Node())
        return self.names.setdefault(step, _Node())

    def at(self, path: str) -> "_Node":
        """Give the node at a path."""
        node = self
        for step in path.split(".") if path else ():
            node = node.child(step)
        return node


class _Builder:
    """Write a plan as tables."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._root = _Node()
        self._entries: dict[str, int] = {}
        self._slots: dict[tuple[tuple[str, ...], str], int] = {}
        self._texts = bytearray(b" ")
        self._choices: list[tuple[int, int]] = []
        self._guards: list[tuple[int, int, int, int]] = []
        self._sides: list[tuple[int, int, int]] = []
        self._flags: list[tuple[int, ...]] = []

    def tables(self) -> Tables:
        """Give the tables."""
        shapes = np.array([self._shape(shape) for shape in self._plan.shapes], np.int64)
        self._refuse()
        self._choose()
        nodes, names = self._written()
        return Tables(
            nodes=nodes,
            names=names,
            texts=np.frombuffer(bytes(self._texts), np.uint8),
            choices=np.array(self._choices, np.int64).reshape(-1, 2),
            shapes=shapes,
            guards=np.array(self._guards, np.int64).reshape(-1, 4),
            sides=np.array(self._sides, np.int64).reshape(-1, 3),
            flags=_padded(self._flags),
            slots=len(self._slots) + 1,
        )

    def _refuse(self) -> None:
        for path, length in self._plan.lengths.items():
            self._root.at(path).length = length
        for path in self._plan.refused:
            for place in self._places(path):
                place.is_refused = True

    def _places(self, path: str) -> list[_Node]:
        if path.startswith("/"):
            return [self._root.at(path[1:])]
        return [self._root.at(entry).at(path) for entry in self._entries]

    def _shape(self, shape: Shape) -> list[int]:
        told = [0] * kernel.SHAPE_COLUMNS
        told[kernel.SECTION] = shape.section
        told[kernel.ENTRIES] = sum(1 << self._entry(path, shape) for path in shape.entries)
        told[kernel.COUNT] = shape.columns or -1
        told[kernel.SYMBOL] = self._slot(shape, shape.symbol)
        told[kernel.GUARDS], told[kernel.GUARD_COUNT] = len(self._guards), len(shape.when)
        for path, word in shape.when.items():
            begin, end = self._word(word)
            self._guards.append((self._slot(shape, path.removeprefix("?")), begin, end, int(path.startswith("?"))))
        told[kernel.TRIGGERS], told[kernel.TRIGGER_COUNT] = len(self._guards), len(shape.any_of)
        self._guards += [(self._slot(shape, path), 0, 0, 0) for path in shape.any_of]
        for figure, path in enumerate(shape.figures):
            told[kernel.FIGURES + figure] = self._slot(shape, path.removeprefix("?"))
            told[kernel.FRACTIONS + figure] = shape.fractions[figure]
            told[kernel.OPTIONAL] |= int(not path or path.startswith("?")) << figure
        self._tell_more(shape, told)
        return told

    def _tell_more(self, shape: Shape, told: list[int]) -> None:
        if shape.time:
            told[kernel.CLOCK] = shape.time.form
            told[kernel.OPTIONAL] |= int(shape.time.optional) << kernel.OPTIONAL_TIME
            for part, path in enumerate(shape.time.paths):
                told[kernel.TIMES + part] = self._slot(shape, path)
        if shape.id:
            told[kernel.ID], told[kernel.ID_FORM] = self._slot(shape, shape.id.path), shape.id.form
            told[kernel.OPTIONAL] |= int(shape.id.optional) << kernel.OPTIONAL_ID
        if shape.side:
            path, sides = shape.side
            told[kernel.SIDE] = self._slot(shape, path)
            told[kernel.SIDES], told[kernel.SIDE_COUNT] = len(self._sides), len(sides)
            self._sides += [(*self._word(word), side) for word, side in sides.items()]
        if shape.more:
            told[kernel.FLAGS] = self._slot(shape, shape.more.path, is_list=shape.more.form == kernel.NUMBERS)
            told[kernel.FLAG_FORM], told[kernel.FLAG_TABLE] = shape.more.form, len(self._flags)
            self._flags.append(shape.more.table)

    def _entry(self, path: str, shape: Shape) -> int:
        number = self._entries.setdefault(path, len(self._entries) + 1)
        node = self._root.at(path)
        if shape.figures[0].removeprefix("?").partition(".")[0].isdigit():
            node.entry_list = number
        else:
            node.entry_object = number
        return number

    def _slot(self, shape: Shape, path: str, *, is_list: bool = False) -> int:
        """Give the slot of a value, negative for the row's own; 0 for no path."""
        if not path:
            return 0
        of_row = path.startswith("/")
        key = (("/",) if of_row else shape.entries, path)
        slot = self._slots.setdefault(key, len(self._slots) + 1)
        for node in [self._root.at(path[1:])] if of_row else [self._root.at(one).at(path) for one in shape.entries]:
            if node.slot not in (-1, slot):
                message = f"{path!r} stands at a place that another shape has for itself; give both the same entries"
                raise ValueError(message)
            node.slot, node.of_entry, node.is_list = slot, not of_row, is_list or node.is_list
        return -slot if of_row else slot

    def _choose(self) -> None:
        """Tell which words must stand where every shape wants one, so that other rows are left at once."""
        for (entries, path), slot in self._slots.items():
            wanted = [
                {word for other, word in shape.when.items() if other.removeprefix("?") == path}
                for shape in self._plan.shapes
                if path.startswith("/") or shape.entries == entries
            ]
            if len(wanted) == len(self._plan.shapes) and all(wanted):
                words = sorted(set[str]().union(*wanted))
                for place in self._places(path):
                    if place.slot == slot:
                        place.words = (len(self._choices), len(words))
                self._choices += [self._word(word) for word in words]

    def _word(self, text: str) -> tuple[int, int]:
        begin = self._texts.find(text.encode())
        if begin < 0:
            begin = len(self._texts)
            self._texts += text.encode()
        return begin, begin + len(text)

    def _written(self) -> tuple[Int64, Int64]:
        """Number the nodes, those of a list's places one after the other, and write them."""
        order: list[_Node] = []
        waiting = [[self._root], [_Node()]]
        while waiting:
            together = waiting.pop(0)
            for node in together:
                node.number = len(order)
                order.append(node)
            for node in together:
                # A place that says nothing has a node all the same, so that places lie one after the other.
                items = [node.child(str(place)) for place in range(max(node.items, default=-1) + 1)]
                waiting += [items, *([one] for one in (*node.names.values(), node.each) if one)]
        table = self._hashed(order)
        return np.array([_node_row(node) for node in order], np.int64), table

    def _hashed(self, order: Sequence[_Node]) -> Int64:
        names = [(node, place, name) for node in order for place, name in enumerate(node.names)]
        size = 1 << (4 * len(names) + 8).bit_length()
        table = np.full((size, row_kernel.NAME_COLUMNS), -1, np.int64)
        for node, place, name in names:
            if place > _PLACES_MAX:
                message = f"an object has more than {_PLACES_MAX} names that are used"
                raise ValueError(message)
            at = row_kernel.hash_of(np.frombuffer(name.encode(), np.uint8), 0, len(name), node.number) & (size - 1)
            while table[at, row_kernel.OWNER] >= 0:
                at = (at + 1) & (size - 1)
            table[at] = (node.number, *self._word(name), node.names[name].number, place)
        return table


def _node_row(node: _Node) -> list[int]:
    says_nothing = node.slot < 0 and not node.names and not node.items and node.each is None
    told = [0] * row_kernel.NODE_COLUMNS
    told[row_kernel.SLOT], told[row_kernel.OF_ENTRY] = node.slot, int(node.of_entry)
    told[row_kernel.KEYED] = int(bool(node.names))
    told[row_kernel.LISTED] = int(bool(node.items) or node.each is not None)
    told[row_kernel.EACH] = node.each.number if node.each else row_kernel.SKIP
    told[row_kernel.ITEMS] = node.items[0].number if node.items else 0
    told[row_kernel.ITEM_COUNT] = len(node.items)
    told[row_kernel.LENGTH] = node.length
    told[row_kernel.ENTRY_OBJECT], told[row_kernel.ENTRY_LIST] = node.entry_object, node.entry_list
    told[row_kernel.LIST], told[row_kernel.REFUSED] = int(node.is_list), int(node.is_refused)
    told[row_kernel.SKIPPED] = int(says_nothing)
    told[row_kernel.WORDS], told[row_kernel.WORD_COUNT] = node.words
    return told


def _padded(tables: Sequence[tuple[int, ...]]) -> Int64:
    padded = [(*table, *[kernel.LEFT] * (kernel.TABLE_SIZE - len(table))) for table in tables]
    return np.array(padded, np.int64).reshape(-1, kernel.TABLE_SIZE)
