"""Datadog spans, metrics, logs and events by the origin of the code involved."""
