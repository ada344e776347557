"""What tests of applications need of the auditor; the pytest plugin loads it when it is asked for."""
