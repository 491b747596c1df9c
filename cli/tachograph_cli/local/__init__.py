"""Tachograph on a laptop: emulators, functions and dashboard, started and stopped as one."""
