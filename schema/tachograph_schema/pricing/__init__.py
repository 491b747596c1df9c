"""The price of usage: a fleet's own price sheet first, then the public lists."""
