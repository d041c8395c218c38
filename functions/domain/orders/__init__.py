"""Orders, pure: what a signal asks for, an order's life, what the paper venue does, and the account behind it."""
