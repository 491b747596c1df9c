"""`tachograph top`: a fleet at work, live in the terminal."""
