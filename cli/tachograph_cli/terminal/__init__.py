"""What the commands share: options, errors, numbers and tables."""
