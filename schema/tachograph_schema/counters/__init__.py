"""Counters: their names, their sums, and the numbers that derive from them."""
