"""Enrolment: the identities of agents and viewers, made and ended."""
