"""From instruments to the outside: resource, readers, OTLP push, the endpoint and its health."""
