"""What only the `nano` preset has: stems that see motion and events, and what draws. The paper has neither."""
