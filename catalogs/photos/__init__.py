"""Rules about photos: is a mask good enough, is a photo fit, which of a row's photos is taken."""
