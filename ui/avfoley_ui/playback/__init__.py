"""Playback of takes: sound files, the mixer that plays them, and the picture."""
