"""`tachograph cost`: the bill of a task with everything it spawned."""
