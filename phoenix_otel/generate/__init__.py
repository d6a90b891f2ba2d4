"""Files that are made from the catalog and the options, and committed; a test makes them again and compares."""
