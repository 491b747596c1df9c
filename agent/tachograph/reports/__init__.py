"""Reports: recorded by the agent, not yet landed in Firestore."""
