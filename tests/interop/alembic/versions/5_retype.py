"""A column gets another type: on SQLite the table is made anew (batch mode)."""

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"


class Uuid(sa.types.UserDefinedType):
    """The type by the name that it has."""

    cache_ok = True

    def get_col_spec(self):
        return "UUID"


def upgrade():
    comments = sa.Table(
        "comments",
        sa.MetaData(),
        sa.Column("id", Uuid, primary_key=True),
        sa.Column("project_id", Uuid, nullable=False),
        sa.Column("task_id", Uuid, nullable=False),
        sa.Column("author", sa.Text),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column(
            "created_at", sa.TIMESTAMP, nullable=False, server_default=sa.text("CURRENT_TIMESTAMP")
        ),
        sa.Column("mood", sa.Text),
    )
    with op.batch_alter_table("comments", copy_from=comments) as batch:
        batch.alter_column("mood", existing_type=sa.Text, type_=sa.String(40))
    op.execute("UPDATE comments SET mood = 'better'")
