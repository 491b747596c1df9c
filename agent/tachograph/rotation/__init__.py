"""Rotation: the signal to a session, and its successor."""
