"""Reports: what a run did, as JSON, HTML, Markdown and text."""
