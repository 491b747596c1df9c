"""The simulated fleet that `tachograph demo` shows where there is no recording."""
