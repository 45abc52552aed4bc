"""Layers that the systems share: rotary positions, attention, DiT blocks and embeddings."""
