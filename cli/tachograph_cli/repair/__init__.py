"""`tachograph verify`, `sweep`, `rebuild` and `reprice`: what was counted, checked and repaired."""
