"""Alerts: opened by a rule, resolved when it holds again."""
