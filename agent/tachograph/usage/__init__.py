"""From a model's response to tokens, terms and cost."""
