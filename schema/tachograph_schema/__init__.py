"""The names and meanings of Tachograph's documents, paths, counters and prices.

No Firestore in here: everything is a value or a pure function, so the agent, the functions, the
command line and the tests agree by importing the same names.
"""
