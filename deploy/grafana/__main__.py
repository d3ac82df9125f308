"""`python -m deploy.grafana` writes the dashboards' JSON."""

from deploy.grafana.files import write

write()
