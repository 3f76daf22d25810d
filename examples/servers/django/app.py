"""A Django site in one file, for WSGI servers (`app:wsgi`) and ASGI servers (`app:asgi`); a person wrote it."""

import sentry_sdk
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from routes import shortest, speed

import aiprov_runtime.auto  # noqa: F401  # the one line: telemetry now says which function, model and prompt

sentry_sdk.init(traces_sample_rate=1.0)  # sends nothing unless SENTRY_DSN says where to
settings.configure(ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, LOGGING_CONFIG=None)


def legs(_request: HttpRequest, lengths: str) -> JsonResponse:
    """Fails in the model's code for a journey without legs."""
    return JsonResponse({"shortest": shortest([int(length) for length in lengths.split("-") if length])})


async def pace(_request: HttpRequest, distance: int, hours: int) -> JsonResponse:
    """A view on the event loop."""
    return JsonResponse({"speed": await speed(distance, hours)})


def stop(_request: HttpRequest, name: str) -> JsonResponse:
    """Fails in a person's code for what is not there."""
    return JsonResponse({"platform": {"north": 4}[name]})


urlpatterns = [
    path("legs/<str:lengths>", legs),
    path("pace/<int:distance>/<int:hours>", pace),
    path("stop/<str:name>", stop),
]
wsgi = get_wsgi_application()
asgi = get_asgi_application()
