"""Events that never came: found by the ledger's gaps, and counted."""
