"""Somebody's migrations of tables that are live, run by `alembic -x url=… upgrade`."""

from alembic import context
from sqlalchemy import create_engine

url = context.get_x_argument(as_dictionary=True)["url"]
waits = {"timeout": 30} if url.startswith("sqlite") else {}
with create_engine(url, connect_args=waits).connect() as connection:
    context.configure(
        connection=connection, render_as_batch=True, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()
