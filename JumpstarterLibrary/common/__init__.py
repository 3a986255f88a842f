"""What client, exporter and lab share that is no wire: parsers, files and sockets. Each end still speaks for itself."""
