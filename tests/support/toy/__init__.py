"""A system of one's own, as docs/adding-a-model.md describes it: this folder and one registry line."""
