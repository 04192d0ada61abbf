"""A relay's metrics for Prometheus: names, labels and buckets.

Each relay has its own registry. No label value can be chosen by a peer.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.process_collector import ProcessCollector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    def __init__(
        self, agents: Callable[[], int], guests: Callable[[], int], redis_up: Callable[[], int]
    ) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        connected = Gauge(
            "hatchway_relay_connected", "Peers connected to this relay", ["role"], registry=registry
        )
        connected.labels("agent").set_function(agents)
        connected.labels("guest").set_function(guests)
        Gauge(
            "hatchway_relay_redis_up",
            "1 when the shared Redis answers, 0 when it does not, -1 without Redis",
            registry=registry,
        ).set_function(redis_up)
        self.refused = Counter(
            "hatchway_relay_refused", "Connections refused, by code", ["code"], registry=registry
        )
        self.messages = Counter(
            "hatchway_relay_messages", "Events handled", ["event", "outcome"], registry=registry
        )
        self.answered = Histogram(
            "hatchway_relay_answer_seconds",
            "Seconds from a guest's offer to its answer, including the agent's time",
            buckets=SECONDS,
            registry=registry,
        )

    def text(self) -> bytes:
        return generate_latest(self.registry)
