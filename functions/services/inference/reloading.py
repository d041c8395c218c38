"""Notice live when the registry of models changes; what is asked changes all at once, between two runs."""

import asyncio
from typing import Generic

from functions.ports.models import Change, ModelRegistry
from functions.ports.telemetry import NULL, Telemetry
from functions.services.inference.asking import Log, Silent
from functions.services.inference.scoring import Joining, R


class Reloading(Generic[R]):
    """Carry models from a registry to those who ask them.

    Args:
        registry: Where models are registered.
        scoring: Who asks them.
        every_s: Seconds between two looks; 0 looks at the start only.
        log: Is told what changes.
    """

    def __init__(self, registry: ModelRegistry, scoring: Joining[R], *, every_s: float, log: Log | None = None) -> None:
        """Look at nothing yet."""
        self.telemetry: Telemetry = NULL
        self._registry = registry
        self._scoring = scoring
        self._every_s = every_s
        self._log = log or Silent()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load what there is; then look again and again, beside the service."""
        await self.look()
        if self._every_s:
            self._running = asyncio.create_task(self._run())

    async def look(self) -> tuple[Change, ...]:
        """Look once: load in another thread what changed, ask it from now on, and say so."""
        try:
            changes = await asyncio.to_thread(self._registry.refresh)
        finally:  # a look that broke off has loaded what it saw before
            self._scoring.serve(self._registry.lineups)
        for change in changes:
            self._tell(change)
        return changes

    async def close(self) -> None:
        """Look no more."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - what cannot be read now may be later; what was loaded stays
                self._log.warning("registry_unread", exc_info=error)

    def _tell(self, change: Change) -> None:
        labels = {"model": change.name, "outcome": "refused" if change.refused else "taken"}
        self.telemetry.count("tickloom_model_changes_total", labels)
        if change.refused:
            self._log.warning("model_refused", model=change.name, reason=change.refused, asked=list(change.versions))
        else:
            self._log.info("model_taken", model=change.name, asked=list(change.versions))
