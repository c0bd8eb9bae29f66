"""The gallery: what a catalogue's kept releases show, read and never written."""
