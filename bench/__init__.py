"""Measures the numbers that the README quotes."""
