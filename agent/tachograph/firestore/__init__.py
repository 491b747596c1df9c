"""Documents written to Firestore in the background, and what that needs."""
