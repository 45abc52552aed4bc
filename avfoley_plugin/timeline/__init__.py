"""Timelines: exact times, shots out of them, takes and captions back onto them. Pure OTIO."""
