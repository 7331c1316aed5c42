"""The commands, a file for each family. Nothing heavy is imported before a command runs."""
