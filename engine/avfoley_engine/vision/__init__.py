"""What sees: the networks that turn a picture into features, shared by the systems."""
