"""What is seen: each module one part of the panel."""
