"""From a checkout into a Google Cloud project: look, build, apply, host, look again."""
