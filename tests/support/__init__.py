"""What several tests use: doubles, samples and builders."""
