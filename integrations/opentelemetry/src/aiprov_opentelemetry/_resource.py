"""The release as a resource: which manifest, how many functions of which models."""

from __future__ import annotations

from opentelemetry.sdk.resources import Resource, ResourceDetector

import aiprov_runtime
from aiprov_runtime import guarded


class AiprovResourceDetector(ResourceDetector):
    """Named `aiprov` in `OTEL_EXPERIMENTAL_RESOURCE_DETECTORS` and in a configuration file."""

    def detect(self) -> Resource:
        return _detect() or Resource.get_empty()


@guarded("opentelemetry.resource")
def _detect() -> Resource:
    aiprov_runtime.ensure()
    release = aiprov_runtime.release()
    if release is None:
        return Resource.get_empty()
    return Resource(
        {
            "aiprov.manifest": release.manifest,
            "aiprov.release.function_count": release.functions,
            "aiprov.release.models": list(release.models),
        }
    )
