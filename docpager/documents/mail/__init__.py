"""Mail: what people wrote, and the files and messages that it carries."""
