"""What several folders of tests share: doubles, samples, builders, and programs that stand in for the real ones."""
