"""A scraper of a listing site, in a package: it is told where everything is, and has never heard of telemetry."""
