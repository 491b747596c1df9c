"""Recorded transcripts of Claude Code and Codex, turned into a fleet at work."""
