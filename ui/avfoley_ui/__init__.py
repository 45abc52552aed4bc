"""The AVFoley panel."""
