"""Shared by the commands: options, errors, numbers and tables."""
