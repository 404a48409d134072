"""A column more, with a value for the rows that are there."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade():
    op.add_column("tasks", sa.Column("note", sa.Text, server_default="none"))
    op.execute("UPDATE tasks SET note = 'written by the migration'")
