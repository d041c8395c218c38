"""How a function is hosted: HTTP, gRPC, tables, feeds, settings, logs, telemetry."""
