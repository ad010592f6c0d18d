"""Records: what the rules of supervision read, and an auditor can replay without this service."""
