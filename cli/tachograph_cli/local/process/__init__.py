"""Child processes: started, signalled and ended with everything below them."""
