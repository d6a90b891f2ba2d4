"""A listing site, five forward proxies and a reference scraper, all on loopback: telemetry to look at."""
