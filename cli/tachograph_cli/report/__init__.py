"""`tachograph report` and `rates`: what a fleet did and what that cost."""
