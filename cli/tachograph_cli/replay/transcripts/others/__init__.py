"""Recordings of agents other than Claude Code and Codex: pi, Gemini CLI, OpenHands, SWE-agent."""
