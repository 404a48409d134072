"""It is not wanted after all."""

from alembic import op

revision = "3"
down_revision = "2"


def upgrade():
    op.drop_column("tasks", "remark")
