"""Files that are made from the catalog, and committed; a test makes them again and fails on a difference."""
