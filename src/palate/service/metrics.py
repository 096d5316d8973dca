"""Metrics of a running service for Prometheus."""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class ServiceMetrics:
    """The counters, gauges and histograms of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("route", "method", "status")
        self._requests = Counter("palate_requests", "Number of responses.", labels, registry=self.registry)
        self._seconds = Histogram(
            "palate_request_seconds",
            "Seconds from request to response.",
            ("route",),
            registry=self.registry,
            buckets=SECONDS,
        )
        self.under_way = Gauge("palate_requests_under_way", "Number of requests in progress.", registry=self.registry)
        self.batches = Histogram(
            "palate_batch_size", "Number of lists in a batch.", registry=self.registry, buckets=SIZES
        )
        self.commits = Histogram(
            "palate_commit_size",
            "Number of requests whose events are in one commit.",
            registry=self.registry,
            buckets=SIZES,
        )
        self.events = Counter(
            "palate_events", "Number of events: accepted, repeated or refused.", ("what",), registry=self.registry
        )
        self.models = Counter(
            "palate_models_loaded", "Number of models loaded since the start.", registry=self.registry
        )
        self._counter, self._histogram = cache(self._requests.labels), cache(self._seconds.labels)

    def count_response(self, route: str, method: str, status: int, seconds: float) -> None:
        self._counter(route, method, str(status)).inc()
        self._histogram(route).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self.registry)
