"""The work of a session on one task: its calls of models and tools, and its waits."""
