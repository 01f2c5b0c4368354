"""What a worker's process and a task's process do."""
