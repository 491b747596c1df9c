"""The numbers in the README, reproducible."""
