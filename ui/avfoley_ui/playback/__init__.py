"""Hearing and seeing takes: sound files, the mixer that plays them, the picture that goes with them."""
