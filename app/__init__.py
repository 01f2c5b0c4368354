"""Floor 5: builds the objects that a hook, a task or the worker is made of."""
