"""Ways out: terminal, report file, Prometheus, OpenTelemetry. Each is a sink that the drainer's thread feeds."""
