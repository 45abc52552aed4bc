"""What several folders of tests build with, and the programs that stand in for the real ones."""
