"""What the portfolio service folds of the ledger is what the orders service, its one writer, knows of the account."""

from decimal import Decimal

from counts import count
from stores import fresh_database
from trading import ETH, NOW, WIDE, order, paper, submission
from valued import RULES

from functions.adapters.postgres import Pool
from functions.adapters.postgres_ledger import PostgresLedger
from functions.adapters.postgres_valuation import PostgresValuation
from functions.adapters.risk_memory import MemoryRisk
from functions.domain.decisions import Side
from functions.domain.orders.account import Position
from functions.services.orders.desk import OrderDesk
from functions.services.orders.writer import Lead
from functions.services.portfolio.desk import PortfolioDesk

OPENING = Position(ETH, Decimal(2), Decimal(2400))


async def test_the_ledger_agrees(postgres_url: str) -> None:
    """After each order cash and position are the ledger's own, and what was opened with is counted once."""
    pool = Pool(await fresh_database(postgres_url))
    ledger = PostgresLedger(pool)
    await ledger.open_account(paper(1_000_000, OPENING))
    orders = OrderDesk(ledger, MemoryRisk(WIDE), now_ns=lambda: NOW, lead=Lead("first", 600_000))
    portfolio = PortfolioDesk(PostgresValuation(pool), RULES)
    for number in range(count(40)):
        side = Side.SELL if number % 3 else Side.BUY
        limit = 249_990 if side is Side.SELL else 250_010
        await orders.submit(submission(number, order(side, quantity=1 + number * 7919 % 60_000, limit=limit)))
        account = await ledger.account("paper")
        held, did = await portfolio.standing("paper", as_of_ns=NOW)
        assert account is not None
        assert held.cash == account.cash
        quantities = {one.position.instrument_id: one.position.quantity for one in held.holdings}
        assert quantities == {name: one.quantity for name, one in account.positions.items() if one.quantity}
        assert did.fills == number + 1
    await orders.close()
    await pool.close()
