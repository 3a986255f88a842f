"""What the Robot library and the pytest plugin do with the devices of a run: request, share, release."""
