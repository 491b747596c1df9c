"""A document -> its counters, committed once for each event."""
