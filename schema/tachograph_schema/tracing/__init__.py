"""Spans: their names, which are kept, what they may say, and their export."""
