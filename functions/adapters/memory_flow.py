"""Keep order flow in memory: the twin of `postgres_flow`, row for row."""

from decimal import Decimal
from typing import Final

from functions.adapters.postgres_flow import Row, rows_of
from functions.domain.flow import OrderFlow

_FIGURES: Final = (
    "quantity",
    "price",
    "last_quantity",
    "last_price",
    "leaves_quantity",
    "cumulative_quantity",
    "average_price",
)


class MemoryFlow:
    """Keep rows in a dict by (stream, row); they have the columns of the table in `migrations/`."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows: dict[tuple[str, int], Row] = {}

    async def put_order_flow(self, flow: OrderFlow) -> None:
        """Keep every entry by (stream, row)."""
        for row in rows_of(flow):
            figures = {name: None if row[name] is None else Decimal(row[name]) for name in _FIGURES}
            self.rows.setdefault((row["stream"], row["row_index"]), {**row, **figures})
