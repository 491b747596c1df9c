"""The `tachograph` command: everything that a person runs."""
