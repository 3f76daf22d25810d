"""Hands Sentry events that it made itself, as programs do that forward what others report."""

import sys

import sentry_sdk

import aiprov_runtime.auto  # noqa: F401

sentry_sdk.init(auto_enabling_integrations=False)
SHARED_TAGS = {"case": "first", "mine": "yes"}
SHARED_CONTEXTS = {"mine": {"key": "value"}}


def ai_sends(event, hint=None):
    sentry_sdk.capture_event(event, hint)


def unrecorded_sends(event):
    sentry_sdk.capture_event(event)


def main():
    ai_sends({"message": "m", "tags": [["case", "pairs"], ["aiprov.model", "mine"]]})
    ai_sends({"message": "m", "tags": {"case": "dictionary", "aiprov.model": "mine"}})
    ai_sends({"message": "m", "tags": {"case": "context"}, "contexts": {"aiprov": {"mine": True}}})
    ai_sends({"message": "m", "tags": SHARED_TAGS, "contexts": SHARED_CONTEXTS})
    SHARED_TAGS["case"] = "second"
    unrecorded_sends({"message": "m", "tags": SHARED_TAGS, "contexts": SHARED_CONTEXTS})
    ai_sends({"message": "m", "tags": {"case": "hint"}}, {"log_record": {"of": "another logger"}})
    ai_sends({"type": "feedback", "tags": {"case": "feedback"}, "contexts": {"feedback": {"message": "m"}}})
    sentry_sdk.flush(10)
    return 0


if __name__ == "__main__":
    sys.exit(main())
