"""What runs work on other processes and machines: nothing of it unless it is asked for."""
