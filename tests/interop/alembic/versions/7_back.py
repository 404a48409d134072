"""The table gets its name back, and loses a column (on SQLite without batch mode)."""

from alembic import op

revision = "7"
down_revision = "6"


def upgrade():
    op.rename_table("remarks", "comments")
    op.drop_column("comments", "mood")
