"""An empty ``jmp admin``: the real one imports a client for Kubernetes, a third of what ``jmp`` takes to start."""

import click

admin = click.Group("admin")
