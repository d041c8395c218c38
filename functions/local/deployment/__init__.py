"""Deploy the wiring to Knative: manifests rendered, generated, and checked before a cluster sees them."""
