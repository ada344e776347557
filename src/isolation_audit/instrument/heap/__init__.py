"""The heap: who holds an object, asked of the garbage collector; away from any call of the application."""
