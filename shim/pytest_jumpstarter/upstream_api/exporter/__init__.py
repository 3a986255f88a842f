"""The exporter's side under upstream's interface: drivers, sessions, streams and configuration over our exporter."""
