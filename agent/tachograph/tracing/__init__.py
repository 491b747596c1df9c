"""Spans of tasks, calls and tools, from their start to their export."""
