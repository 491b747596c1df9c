"""Errors that a person mends, not a program."""


class OperatorError(Exception):
    """Something around the program is not as it must be; the message says what to do."""
