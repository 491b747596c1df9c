"""Numbers and tables as the commands print them."""
