"""A table is made anew: another one, the rows, the old one away, its name. With a column more."""

from alembic import op

revision = "4"
down_revision = "3"

COLUMNS = "id, project_id, task_id, author, body"


def upgrade():
    types = ("uuid", "timestamptz") if op.get_bind().dialect.name == "postgresql" else ("UUID", "TIMESTAMP")
    uuid, instant = types
    op.execute(
        f"""CREATE TABLE fresh (
            id {uuid} NOT NULL PRIMARY KEY, project_id {uuid} NOT NULL, task_id {uuid} NOT NULL,
            author TEXT, body TEXT NOT NULL,
            created_at {instant} NOT NULL DEFAULT CURRENT_TIMESTAMP, mood TEXT)"""
    )
    op.execute(f"INSERT INTO fresh ({COLUMNS}) SELECT {COLUMNS} FROM comments")
    op.drop_table("comments")
    op.rename_table("fresh", "comments")
    op.execute("UPDATE comments SET mood = 'good'")
