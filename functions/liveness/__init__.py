"""Sessions that are stuck or lost, and the release of their tasks."""
