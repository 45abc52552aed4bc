"""Published checkpoints of other projects, converted to model folders of this one."""
