"""The folder that `aiprov run` puts first on PYTHONPATH; nothing imports it as a package."""
