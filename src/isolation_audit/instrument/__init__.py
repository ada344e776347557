"""Gets between the application and its engines, emitters and scopes; turns calls into observations; knows no rule."""
