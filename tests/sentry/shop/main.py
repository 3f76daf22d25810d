"""Sets Sentry and aiprov up as told, then runs each case and reports what it raises under the tag `case`."""

import importlib
import json
import os
import sys

import sentry_sdk


def set_up(steps):
    for step in steps.split(","):
        if step == "auto":
            import aiprov_runtime.auto  # noqa: F401
        elif step == "init":
            sentry_sdk.init(**options())
        elif step == "integration":
            from aiprov_sentry import AiprovIntegration

            sentry_sdk.init(integrations=[AiprovIntegration()], **options())


def options():
    given = json.loads(os.environ.get("SENTRY_OPTIONS", "{}"))
    if given.pop("user_before_send", None):
        given["before_send"] = lambda event, _: {**event, "extra": {"before_send": "the user's own"}}
    return {"release": "shop@1", "default_integrations": True, "auto_enabling_integrations": False, **given}


def main(setup, cases, *scope_tags):
    set_up(setup)
    for case in cases.split(","):
        module, _, wanted = case.partition(":")
        with sentry_sdk.isolation_scope() as scope:
            scope.set_tag("case", module)
            try:
                found = importlib.import_module(f"shop.{module}")
            except Exception:  # noqa: BLE001  # as a framework does
                sentry_sdk.capture_exception()
                continue
        for name, function in list(vars(found).items()):
            if name.startswith("case_") and wanted in ("", name):
                run(name, function, dict(tag.split("=") for tag in scope_tags))
    sentry_sdk.flush(10)


def run(name, function, tags):
    with sentry_sdk.isolation_scope() as scope:
        for key, value in {**tags, "case": name}.items():
            scope.set_tag(key, value)
        scope.fingerprint = [name]
        try:
            function()
        except Exception:  # noqa: BLE001  # as a framework does
            sentry_sdk.capture_exception()


if __name__ == "__main__":
    main(*sys.argv[1:])
    if "aiprov_runtime" in sys.modules:
        from sentry_sdk.scope import global_event_processors

        from aiprov_runtime import status

        ours = [p for p in global_event_processors if p.__module__.startswith("aiprov_sentry")]
        sys.stdout.write(json.dumps({**status()._asdict(), "processors": len(ours)}))
