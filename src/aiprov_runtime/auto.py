"""Importing this module is the whole set-up: load the manifest, hook what is installed, never fail."""

from aiprov_runtime._runtime import ensure

ensure()
