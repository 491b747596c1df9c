"""A session: one context window of an agent, its document and the tasks it works on."""
