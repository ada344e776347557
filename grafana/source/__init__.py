"""The source of everything in this folder: `make grafana` writes dashboards, alerts, their tests and the provisioning."""
