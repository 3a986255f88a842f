"""Write the core's events into log.html and results, on Robot's main thread."""
