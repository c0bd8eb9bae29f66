"""A catalogue's photos: their references resolved to files that are kept in the store, before anything is planned."""
