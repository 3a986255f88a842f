"""The boot loader of the virtual board."""
