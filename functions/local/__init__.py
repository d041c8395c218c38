"""The platform on one machine: reads the wiring, runs it over a durable log."""
