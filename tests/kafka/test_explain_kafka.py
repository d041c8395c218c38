"""The explain service says over Kafka what it says over a folder's logs."""

import asyncio
from dataclasses import replace
from pathlib import Path

from explained import ENVIRON, explain_all, make_run, signals

from functions.adapters.kafka_events import EventProducer, make_topics
from functions.adapters.postgres import Pool
from functions.adapters.postgres_views import PostgresViews
from functions.local.log import find
from functions.runtime import settings
from functions.services.explain.main import Settings, explaining

TOPICS = {"market": "explain-run-market", "desk": "explain-run-desk"}


async def stored(folder: Path, servers: str, url: str) -> None:
    """Write a run's events to topics, and its signals where `project` stores them."""
    await make_topics(servers, {TOPICS["market"]: 3, TOPICS["desk"]: 1})
    producer, pool = EventProducer(servers), Pool(url)
    views = PostgresViews(pool)
    await producer.start()
    for broker, topic in TOPICS.items():
        for _, _, event in find(folder / "log" / f"{broker}.sqlite"):
            await producer.write(topic, event)
    for signal in signals(folder):
        await views.put_signal(signal)
    await producer.close()
    await views.close()
    await pool.close()


async def test_says_the_same(kafka_servers: str, database_url: str, tmp_path: Path) -> None:
    """Every signal has the explanation it has from the logs; only where its events lie is another place."""
    make_run(tmp_path)
    await stored(tmp_path, kafka_servers, database_url)
    place = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka_servers,
        "DATABASE_URL": database_url,
        "TICKLOOM_EXPLAIN_DESK_TOPIC": TOPICS["desk"],
        "TICKLOOM_EXPLAIN_MARKET_TOPIC": TOPICS["market"],
    }
    asked = explaining(settings.load(Settings, {**ENVIRON, **place}))
    told = [await asked.explain(one.signal_id) for one in signals(tmp_path)]
    await asked.close()
    here = await asyncio.to_thread(explain_all, tmp_path, [one.signal_id for one in signals(tmp_path)])
    for one, other in zip(told, here, strict=True):
        assert [link.id for link in one.links] == [link.id for link in other.links]
        assert replace(one, links=()) == replace(other, links=())
