"""What integrations tell, and rules listen to: neither knows the other.

Each class is what is told of one kind of thing; its methods are called where that happens. A family of rules inherits
from it, and its monitor names that in ``hears``. An integration gets it by ``runtime.listener(Class)``.
"""
