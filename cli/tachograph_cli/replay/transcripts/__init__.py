"""Transcripts of coding agents, read into one stream of events."""
