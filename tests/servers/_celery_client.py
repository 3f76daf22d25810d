"""Sends every task of the arguments, in the folder of the Celery example, and prints what came of each as JSON."""

from __future__ import annotations

import json
import sys

from app import app

sent = [(call, app.send_task(name, [value])) for call in sys.argv[1:] for name, _, value in [call.partition("=")]]
done = []
for call, result in sent:
    result.get(timeout=60, propagate=False, interval=0.02)
    done.append([call, result.state, repr(result.result), result.traceback])
sys.stdout.write(json.dumps(sorted(done)))
