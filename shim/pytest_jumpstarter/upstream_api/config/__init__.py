"""Client configurations, leases and errors as upstream's users know them, over the client core's."""
