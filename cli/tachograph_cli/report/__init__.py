"""`tachograph report`, `cost` and `rates`: the work of a fleet and its cost."""
