"""The operating system of the virtual board."""
