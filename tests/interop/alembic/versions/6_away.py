"""A table gets another name, and somebody writes it there."""

from alembic import op

revision = "6"
down_revision = "5"


def upgrade():
    op.rename_table("comments", "remarks")
    op.execute("UPDATE remarks SET mood = 'elsewhere'")
