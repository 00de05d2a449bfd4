"""Here you find App Runner Watcher: why an AWS App Runner deployment failed, and what to change."""
