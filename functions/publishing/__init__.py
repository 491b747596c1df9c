"""Counters -> rollups, trees, snapshots and baselines."""
