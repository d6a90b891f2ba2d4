"""The configuration file of scrapers/plain_scraper.py, whose methods have names of their own."""

from __future__ import annotations

from typing import Final

FILE: Final = """\
collection_interval = 0.5

[scraper]
class = "__main__:Crawler"

[scraper.methods]
results = { part = "search_properties_by_zipcode", zipcode = "zip_code" }
listing = { part = "scrape_property_details", size = "page" }
cool_down = "handle_rate_limit"

[proxy_manager]
class = "__main__:Pool"
methods = { take = "get_next_proxy", good = "mark_success", bad = "mark_failed", probe = "check_health" }

[rate_limiter]
class = "__main__:Pace"
methods = { wait = "wait_if_needed" }
"""
