"""Agent Trace, read and written."""
