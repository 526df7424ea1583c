"""What a server counts, for Prometheus: requests, documents, batches, and what waits.

Knows numbers and routes; no name of a topic, class or customer, and no text.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_DOCUMENTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """The counters of one application.

    Example:
        >>> metrics = Metrics()
        >>> metrics.batch(3)
        >>> b"hiercls_documents_total 3.0" in metrics.text()
        True
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        labels = ("route", "status")
        self._requests = Counter("hiercls_requests", "Requests by route and status.", labels, registry=registry)
        self._seconds = Histogram(
            "hiercls_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=registry
        )
        self._documents = Counter("hiercls_documents", "Documents scored.", registry=registry)
        self._batches = Histogram(
            "hiercls_batch_documents", "Documents that were scored together.", buckets=_DOCUMENTS, registry=registry
        )
        self._waiting = Gauge("hiercls_waiting_documents", "Documents that wait to be scored.", registry=registry)

    def request(self, route: str, *, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            route: The route's pattern.
            status: The answer's status.
            seconds: How long it took.
        """
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def batch(self, n_documents: int) -> None:
        """Count documents that were scored together."""
        self._documents.inc(n_documents)
        self._batches.observe(n_documents)

    def watch(self, n_waiting: Callable[[], int]) -> None:
        """Ask this how many documents wait, whenever the metrics are read."""
        self._waiting.set_function(n_waiting)

    def text(self) -> bytes:
        """All counters in Prometheus's text format."""
        return generate_latest(self._registry)
