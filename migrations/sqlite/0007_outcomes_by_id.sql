-- Outcomes are found by the edit's id first: ids that are made in order stand side by side, whoever made them, so
-- that the edits of many people that are committed together touch few pages.
CREATE TABLE rowcast_edit_by_id (
    n INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL,
    id BLOB NOT NULL,
    hash BLOB NOT NULL,
    at INTEGER NOT NULL,
    seq INTEGER,
    error TEXT,
    CONSTRAINT rowcast_edit_id_key UNIQUE (id, user_id)
);
INSERT INTO rowcast_edit_by_id SELECT n, user_id, id, hash, at, seq, error FROM rowcast_edit;
DROP TABLE rowcast_edit;
ALTER TABLE rowcast_edit_by_id RENAME TO rowcast_edit;
