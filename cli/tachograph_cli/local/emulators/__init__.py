"""The emulators: their folder, their memory, and whether what answers is theirs."""
