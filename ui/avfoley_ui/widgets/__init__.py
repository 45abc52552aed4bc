"""The parts of the panel, one module each."""
