"""Floor 6: builds the objects that a hook, a task or the worker is made of."""
