"""The web family: pages that people look at and answer in. Neither Prefect nor torch is imported here."""
