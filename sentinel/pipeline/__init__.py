"""The one path every event takes: enrich, recall, judge, commit."""
