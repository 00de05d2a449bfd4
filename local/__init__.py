"""Here you find the local AWS: what the demo, `make invoke` and the end-to-end tests stand on."""
