"""Models that were fitted elsewhere, as data: read, checked, and asked about one login at a time."""
