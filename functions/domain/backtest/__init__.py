"""Account for what signals would have earned on recorded bars: fills, positions and trades; statistics live beside.

The rules, all on the side of doubt:

- A signal exists from `known_ns` on and is acted on `delay_ns` later. It fills in the first bar that starts at or after
  that: at the quote that stood at the bar's end (BUY at the ask, SELL at the bid), or, where no quote is known, at the
  bar's open. No price from before is ever used.
- Bars behind the fill are looked at in order. A stop is a market order: a bar that opens beyond it fills at its open. A
  target is a resting order: it fills at its own price, never better. Where one bar holds both, the stop comes first.
- One position for each strategy and instrument. A signal the same way is passed over; one the other way closes the
  position and opens its own.
- Every strategy and instrument trades an equal share of the capital and what it made of it, long or short, and nothing
  beyond. Borrowing is free, and all instruments are taken to be quoted in the currency of the capital.
- What is open at the end stays open, at the last close.

Prices of bars and signals are mantissas; money, quantities and fills are exact decimals.
"""
