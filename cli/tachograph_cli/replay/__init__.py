"""Recordings of Claude Code, Codex and other agents, turned into a fleet at work."""
