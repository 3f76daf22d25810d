"""Tags OpenTelemetry spans, logs and resources with the origin of the code involved."""
