"""Into log.html and results: what the core tells is written here, on Robot's main thread."""
