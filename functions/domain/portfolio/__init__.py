"""Portfolios, pure: positions and their profits, the measures of risk and return, and what an account was worth."""
