"""Walk one row byte by byte, JSON or columns parted by commas, and note where the values stand that a plan names.

Loops over arrays only, so they run plain or compiled with the same results. A row is walked whole and held against
JSON's grammar, so that one with a fault anywhere is left alone; so is one with an escape or a byte that is no visible
ASCII, a repeated name that the plan knows, or more than the bounds here. What a plan is says `plans`.
"""

from typing import Final

from functions.domain.market import Int64, UInt8

# A call hands over seven words for each array, which costs more than what these do.
INLINED: Final = frozenset(
    (
        "hash_of",
        "_enter",
        "_inside",
        "_closes",
        "_scalar",
        "_child",
        "_same",
        "_opens",
        "_item",
        "_mark",
        "_clear",
        "_blanks",
        "_quote",
    )
)

DEPTH_MAX: Final = 12
ENTRIES_MAX: Final = 256
"""Entries of one row: prints or quotes that stand in a list."""
NUMBER_BYTES_MAX: Final = 24
EXPONENT_DIGITS_MAX: Final = 2

ROOT, SKIP = 0, 1
"""The node of the whole row, and of all that is of no use."""
SLOT, OF_ENTRY, KEYED, LISTED, EACH, ITEMS, ITEM_COUNT, LENGTH, ENTRY_OBJECT, ENTRY_LIST, LIST = range(11)
"""Columns of a node: its slot or -1, whether that is an entry's, whether it may be an object or a list, the node of
each element, or the first of `ITEM_COUNT` nodes in their order, the length a list must have or -1, the entry that an
object or a list here is or 0, and whether a list of whole numbers is a value."""
REFUSED, SKIPPED, WORDS, WORD_COUNT = range(11, 15)
"""Further columns of a node: whether the row is left where something stands here, whether nothing of what stands here
is of use, and the words of which one must stand here, where there are any."""
NODE_COLUMNS: Final = 15
OWNER, NAME, NAME_END, CHILD, PLACE = range(5)
"""Columns of a name in the hash table: its node or -1, its bytes, the node it leads to, and its place among them."""
NAME_COLUMNS: Final = 5
NONE, TEXT, WHOLE, FRACTION, NUMBERS, OTHER = range(6)
"""What a value is: nothing, a text, an unsigned whole number, one with a fraction, a list of numbers, anything else."""
WHAT, BEGIN, END = range(3)
"""Columns of a cell: what a value is, and where it stands, quotes left out; its first slot holds an entry's number."""
_NODE, _IS_LIST, _INDEX, _SEEN = range(4)
STACK_COLUMNS: Final = 4
_HASH_FIRST, _HASH_MIDDLE, _HASH_LAST, _HASH_LENGTH = 5, 23, 11, 37
_VALUE, _INSIDE, _BEHIND = range(3)

# Bytes by the characters they stand for.
_BLANK, _QUOTE, _PLUS, _COMMA, _MINUS, _POINT, _ZERO, _NINE, _COLON = 32, 34, 43, 44, 45, 46, 48, 57, 58
_BIG_E, _LIST, _ESCAPE, _LIST_END, _OPEN, _CLOSE, _LAST = 69, 91, 92, 93, 123, 125, 126
_A, _E, _F, _L, _N, _R, _S, _T, _U = 97, 101, 102, 108, 110, 114, 115, 116, 117


def is_text(payload: UInt8, begin: int, end: int) -> bool:
    """Say whether a row is visible ASCII without escapes."""
    odd = 0
    for at in range(begin, end):
        byte = payload[at]
        odd |= int(byte < _BLANK) | int(byte > _LAST) | int(byte == _ESCAPE)
    return odd == 0


def walk(
    payload: UInt8, begin: int, end: int, plan: tuple[Int64, Int64, UInt8, Int64], scratch: tuple[Int64, Int64]
) -> int:
    """Walk a row of JSON.

    Args:
        payload: Bytes of the batch.
        begin: Where the row begins.
        end: Where it ends.
        plan: Nodes, hash table of names, bytes of texts, and (w, 2) where words stand in those.
        scratch: The containers that are open, and (entries, slots, 3) cells: the row's own first, then each entry's.

    Returns:
        How many entries there are, or -1 for a row that is left alone.
    """
    nodes, _, _, _ = plan
    stack, cells = scratch
    _clear(cells, 0)
    node, depth, entries, at, step = ROOT, 0, 0, begin, _VALUE
    while True:
        at = _blanks(payload, at, end)
        if at >= end:
            return -1
        byte = int(payload[at])
        if step == _VALUE and (byte == _OPEN or (byte == _LIST and nodes[node, LIST] == 0)):
            at, entries, step = _enter(payload, at, end, nodes, node, scratch, depth, entries)
            depth += 1
        elif step == _VALUE:
            at, step = _scalar(payload, at, end, plan, node, entries, cells), _BEHIND
        elif step == _INSIDE:
            (at, node), step = _inside(payload, at, end, plan, stack, depth - 1), _VALUE
        elif byte == _COMMA:
            at, step = at + 1, _INSIDE
        else:
            depth -= 1
            at = at + 1 if _closes(nodes, stack, depth, byte) else -1
            if depth == 0 and at >= 0:
                return entries if _blanks(payload, at, end) == end else -1
        if at < 0:
            return -1


def _enter(
    payload: UInt8, at: int, end: int, nodes: Int64, node: int, scratch: tuple[Int64, Int64], depth: int, entries: int
) -> tuple[int, int, int]:
    """Go into a container; return the place within, or -1, how many entries there are now, and what comes next."""
    stack, cells = scratch
    is_list = payload[at] == _LIST
    entry = _opens(nodes, node, is_list)
    if entry < 0 or depth == DEPTH_MAX or entries == ENTRIES_MAX:
        return -1, entries, _BEHIND
    if entry > 0:
        entries += 1
        _clear(cells, entries)
        cells[entries, 0, WHAT] = entry
    stack[depth, _NODE], stack[depth, _IS_LIST] = node, int(is_list)
    stack[depth, _INDEX], stack[depth, _SEEN] = 0, 0
    at = _blanks(payload, at + 1, end)
    if at >= end:
        return -1, entries, _BEHIND
    return at, entries, _BEHIND if payload[at] == _LIST_END or payload[at] == _CLOSE else _INSIDE


def _inside(
    payload: UInt8, at: int, end: int, plan: tuple[Int64, Int64, UInt8, Int64], stack: Int64, top: int
) -> tuple[int, int]:
    """Go to the next value of a container; return its place, or -1, and its node."""
    if stack[top, _IS_LIST] == 1:
        stack[top, _INDEX] += 1
        return at, _item(plan[0], int(stack[top, _NODE]), int(stack[top, _INDEX]) - 1)
    if payload[at] != _QUOTE:
        return -1, SKIP
    behind = _quote(payload, at + 1, end)
    if behind < 0:
        return -1, SKIP
    node = _child(payload, at + 1, behind - 1, plan, stack, top)
    at = _blanks(payload, behind, end)
    if node < 0 or at >= end or payload[at] != _COLON:
        return -1, SKIP
    return at + 1, node


def _closes(nodes: Int64, stack: Int64, top: int, byte: int) -> bool:
    """Say whether a byte closes the innermost container, and that is as long as it must be."""
    if stack[top, _IS_LIST] == 0:
        return byte == _CLOSE
    length = nodes[stack[top, _NODE], LENGTH]
    return byte == _LIST_END and (length < 0 or stack[top, _INDEX] == length)


def columns(payload: UInt8, begin: int, end: int, nodes: Int64, cells: Int64) -> int:
    """Note the columns of a row that are parted by commas, as texts; give how many there are.

    Args:
        payload: Bytes of the batch.
        begin: Where the row begins.
        end: Where it ends.
        nodes: Of the plan; the items of its root are the columns.
        cells: See `walk`; the row is its one entry.
    """
    _clear(cells, 0)
    _clear(cells, 1)
    cells[1, 0, WHAT] = 1
    count, start = 0, begin
    for at in range(begin, end + 1):
        if at == end or payload[at] == _COMMA:
            node = _item(nodes, ROOT, count)
            if nodes[node, SLOT] >= 0:
                _mark(cells, 1, int(nodes[node, SLOT]), TEXT, start, at)
            count, start = count + 1, at + 1
    return count


def _opens(nodes: Int64, node: int, is_list: bool) -> int:
    """Give the entry that begins with a container here, 0 for none; -1 where none may stand."""
    if node == SKIP:
        return 0
    if nodes[node, LISTED if is_list else KEYED] == 0:
        return -1
    return int(nodes[node, ENTRY_LIST if is_list else ENTRY_OBJECT])


def _item(nodes: Int64, node: int, index: int) -> int:
    if node == SKIP:
        return SKIP
    if index >= nodes[node, ITEM_COUNT]:
        return int(nodes[node, EACH])
    item = int(nodes[node, ITEMS]) + index
    return SKIP if nodes[item, SKIPPED] == 1 else item


def _child(
    payload: UInt8, begin: int, end: int, plan: tuple[Int64, Int64, UInt8, Int64], stack: Int64, top: int
) -> int:
    """Give the node that a name leads to; -1 for a known one that comes again, or at which the row is left."""
    nodes, table, names, _ = plan
    node = int(stack[top, _NODE])
    if node == SKIP or begin == end:
        return SKIP
    length = end - begin
    mask = len(table) - 1
    at = hash_of(payload, begin, end, node) & mask
    while table[at, OWNER] >= 0:
        if table[at, OWNER] == node and _same(
            payload, begin, length, names, int(table[at, NAME]), int(table[at, NAME_END])
        ):
            seen = 1 << int(table[at, PLACE])
            if stack[top, _SEEN] & seen:
                return -1
            stack[top, _SEEN] |= seen
            child = int(table[at, CHILD])
            return -1 if nodes[child, REFUSED] == 1 else child
        at = (at + 1) & mask
    return SKIP


def hash_of(text: UInt8, begin: int, end: int, node: int) -> int:
    """Give a number that tells most names of a node apart; the name is not empty."""
    return (
        _HASH_FIRST * int(text[begin])
        + _HASH_MIDDLE * int(text[(begin + end) // 2])
        + _HASH_LAST * int(text[end - 1])
        + _HASH_LENGTH * (end - begin)
        + node
    )


def _same(payload: UInt8, begin: int, length: int, names: UInt8, name: int, name_end: int) -> bool:
    if name_end - name != length:
        return False
    for i in range(length):
        if payload[begin + i] != names[name + i]:
            return False
    return True


def _scalar(
    payload: UInt8,
    at: int,
    end: int,
    plan: tuple[Int64, Int64, UInt8, Int64],
    node: int,
    entries: int,
    cells: Int64,
) -> int:
    """Read a value that is no container, or a list of whole numbers; return the place behind it, or -1."""
    nodes, _, _, _ = plan
    if node != SKIP and nodes[node, SLOT] < 0:
        return -1
    byte = int(payload[at])
    begin, behind, what = at, -1, OTHER
    if byte == _QUOTE:
        behind = _quote(payload, at + 1, end)
        begin, what = at + 1, TEXT
        if nodes[node, WORD_COUNT] > 0 and not _is_expected(payload, begin, behind - 1, plan, node):
            return -1
    elif byte == _MINUS or _ZERO <= byte <= _NINE:
        behind, what = _number(payload, at, end)
    elif byte == _LIST:
        behind = _numbers(payload, at + 1, end)
        begin, what = at + 1, NUMBERS
    else:
        behind = _word(payload, at, end)
    slot = nodes[node, SLOT]
    if behind >= 0 and slot >= 0:
        _mark(cells, entries if nodes[node, OF_ENTRY] == 1 else 0, int(slot), what, begin, behind - (begin - at))
    return behind


def _is_expected(payload: UInt8, begin: int, end: int, plan: tuple[Int64, Int64, UInt8, Int64], node: int) -> bool:
    """Say whether a text is one of a node's words."""
    nodes, _, texts, words = plan
    first = int(nodes[node, WORDS])
    for word in range(first, first + int(nodes[node, WORD_COUNT])):
        if _same(payload, begin, end - begin, texts, int(words[word, 0]), int(words[word, 1])):
            return True
    return False


def _mark(cells: Int64, where: int, slot: int, what: int, begin: int, end: int) -> None:
    cells[where, slot, WHAT], cells[where, slot, BEGIN], cells[where, slot, END] = what, begin, end


def _clear(cells: Int64, where: int) -> None:
    for slot in range(cells.shape[1]):
        cells[where, slot, WHAT] = NONE


def _blanks(payload: UInt8, at: int, end: int) -> int:
    while at < end and payload[at] == _BLANK:
        at += 1
    return at


def _quote(payload: UInt8, at: int, end: int) -> int:
    """Find the place behind a text's closing quote; -1 for one that is cut off."""
    while at < end:
        if payload[at] == _QUOTE:
            return at + 1
        at += 1
    return -1


def _word(payload: UInt8, at: int, end: int) -> int:
    """Find the place behind `true`, `false` or `null`; -1 for anything else."""
    first = payload[at]
    at += int(first == _F)  # false is an a and four letters more
    if at + 4 > end or (first == _F and payload[at] != _A):
        return -1
    second, third, last = payload[at + 1], payload[at + 2], payload[at + 3]
    is_true = first == _T and second == _R and third == _U and last == _E
    is_false = first == _F and second == _L and third == _S and last == _E
    is_null = first == _N and second == _U and third == _L and last == _L
    return at + 4 if is_true or is_false or is_null else -1


def _digits(payload: UInt8, at: int, end: int) -> int:
    """Find the place behind digits; -1 where there are none."""
    begin = at
    while at < end and _ZERO <= payload[at] <= _NINE:
        at += 1
    return at if at > begin else -1


def _number(payload: UInt8, begin: int, end: int) -> tuple[int, int]:
    """Read a number as JSON writes it; return the place behind it, or -1, and what it is."""
    what = OTHER if payload[begin] == _MINUS else WHOLE
    first = begin + int(payload[begin] == _MINUS)
    at = _digits(payload, first, end)
    if at < 0 or (payload[first] == _ZERO and at - first > 1):
        return -1, NONE
    if at < end and payload[at] == _POINT:
        at = _digits(payload, at + 1, end)
        if at < 0:
            return -1, NONE
        what = FRACTION if what == WHOLE else OTHER
    if at < end and (payload[at] == _E or payload[at] == _BIG_E):
        at += 1
        if at < end and (payload[at] == _PLUS or payload[at] == _MINUS):
            at += 1
        power = at
        at = _digits(payload, at, end)
        if at < 0 or at - power > EXPONENT_DIGITS_MAX:
            return -1, NONE
        what = OTHER
    return (at, what) if at - begin <= NUMBER_BYTES_MAX else (-1, NONE)


def _numbers(payload: UInt8, at: int, end: int) -> int:
    """Read `1,2,3]` behind its bracket; return the place behind it, or -1 where something else stands there."""
    if at < end and payload[at] == _LIST_END:
        return at + 1
    while at < end:
        at, what = _number(payload, at, end)
        if at < 0 or at >= end or what != WHOLE:
            return -1
        if payload[at] == _LIST_END:
            return at + 1
        if payload[at] != _COMMA:
            return -1
        at = _blanks(payload, at + 1, end)
    return -1
