"""Another name for it."""

from alembic import op

revision = "2"
down_revision = "1"


def upgrade():
    op.alter_column("tasks", "note", new_column_name="remark")
    op.execute("UPDATE tasks SET remark = 'again'")
