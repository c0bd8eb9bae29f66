"""A shop's own photos: their references, their files, and the index that tells which of them changed.

Inputs: texts of a catalogue's photo column, listings, bytes. Outputs: photos as upright sRGB pixels, keys of kept
files, Arrow tables; `InvalidPhoto` with a reason code for what cannot be used. A catalogue and the servers that it
names are strangers: nothing here follows them to a place that the settings do not allow.
"""
