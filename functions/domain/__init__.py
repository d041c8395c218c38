"""Pure values and folds of market data: standard library and numpy only."""
