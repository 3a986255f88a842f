"""Drivers' clients as upstream's users know them: classes with methods, over the proxies of our client core."""
