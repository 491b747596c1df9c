"""Rotation signals: raised, moved on, and handed over."""
