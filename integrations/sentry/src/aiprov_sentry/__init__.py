"""Tags Sentry's error events, spans and logs with the origin of the code behind them."""

from sentry_sdk.integrations import Integration

# After the SDK: its first import runs our plugin, which has to find that module not yet begun.
from aiprov_sentry._events import annotate, install

__all__ = ["AiprovIntegration", "annotate", "install"]


class AiprovIntegration(Integration):
    """For `sentry_sdk.init(integrations=[AiprovIntegration()])`; does what `install` does."""

    identifier = "aiprov"

    @staticmethod
    def setup_once() -> None:
        install()
