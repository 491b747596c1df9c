"""The ground: Firestore, settings, policies, traces and logs."""
