"""A fleet that does not exist, at work: what `make demo` shows where there is no recording."""
