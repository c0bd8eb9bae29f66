"""Where engines live: in this process, or one to a GPU on other machines."""
