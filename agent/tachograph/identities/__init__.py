"""Who belongs to a fleet: making and ending the identities of agents and viewers."""
