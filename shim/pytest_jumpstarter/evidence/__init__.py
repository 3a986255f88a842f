"""What a test leaves for whoever reads its report: what the board and the exporter said, and facts about both."""
