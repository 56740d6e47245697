"""What the service's own systems are told: webhooks (Standard Webhooks 1.0) and Shared Signals (OpenID SSF 1.0)."""
