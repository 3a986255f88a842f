"""Command lines of clients, made with click: what ``j power on`` runs."""
