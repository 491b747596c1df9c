"""Working beside other agents: claims, queue, messages, leases, dispatches."""
