"""The process of an agent: its blocks, its forks and its end."""
