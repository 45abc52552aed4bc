"""Flow matching: path, flow-time distributions, solver and guidance."""
