"""`tachograph verify`, `sweep`, `rebuild` and `reprice`: counters, checked and repaired."""
