"""Rotation: thresholds, baselines, and the cliff that outcomes teach."""
