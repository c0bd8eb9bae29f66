"""Drawing of packshot-nano's training images: solids, products, a studio, looks and captions."""
