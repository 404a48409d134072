-- People's accounts, their sessions, service tokens, invitations. Instants are microseconds since
-- 1970. No secret stands here: passwords as Argon2 hashes, every token and code as its SHA-256.

-- `email_key` is the address by which accounts are compared (lower case). Without a password nobody
-- signs in with one.
CREATE TABLE rowcast_account (
    user_id TEXT NOT NULL CONSTRAINT account_pkey PRIMARY KEY
        CONSTRAINT account_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL CONSTRAINT account_email_key UNIQUE,
    password TEXT,
    admin BOOLEAN NOT NULL DEFAULT FALSE,
    created_at INTEGER NOT NULL,
    closed_at INTEGER
);
CREATE INDEX rowcast_account_closed ON rowcast_account (closed_at) WHERE closed_at IS NOT NULL;

-- One per sign-in: the family of its refresh tokens.
CREATE TABLE rowcast_session (
    id UUID NOT NULL CONSTRAINT session_pkey PRIMARY KEY,
    user_id TEXT NOT NULL
        CONSTRAINT session_user_id_fkey REFERENCES rowcast_account (user_id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    ended_at INTEGER
);
CREATE INDEX rowcast_session_user_id ON rowcast_session (user_id, used_at);
CREATE INDEX rowcast_session_ended ON rowcast_session (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX rowcast_session_expires ON rowcast_session (expires_at);

-- Used tokens stay for a while, so that a second use is seen.
CREATE TABLE rowcast_refresh (
    hash BLOB NOT NULL CONSTRAINT refresh_pkey PRIMARY KEY,
    session_id UUID NOT NULL
        CONSTRAINT refresh_session_id_fkey REFERENCES rowcast_session (id) ON DELETE CASCADE,
    used_at INTEGER
);
CREATE INDEX rowcast_refresh_session_id ON rowcast_refresh (session_id);
CREATE INDEX rowcast_refresh_used ON rowcast_refresh (used_at) WHERE used_at IS NOT NULL;

-- A service is a row of `users`; what it may reach are its rows of `members`.
CREATE TABLE rowcast_service_token (
    id UUID NOT NULL CONSTRAINT service_token_pkey PRIMARY KEY,
    user_id TEXT NOT NULL CONSTRAINT service_token_user_id_key UNIQUE
        CONSTRAINT service_token_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    hash BLOB NOT NULL CONSTRAINT service_token_hash_key UNIQUE,
    queues TEXT NOT NULL,
    created_by TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    ended_at INTEGER
);
CREATE INDEX rowcast_service_token_ended ON rowcast_service_token (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE rowcast_reset_code (
    hash BLOB NOT NULL CONSTRAINT reset_code_pkey PRIMARY KEY,
    user_id TEXT NOT NULL
        CONSTRAINT reset_code_user_id_fkey REFERENCES rowcast_account (user_id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
);
CREATE INDEX rowcast_reset_code_user_id ON rowcast_reset_code (user_id);
CREATE INDEX rowcast_reset_code_expires ON rowcast_reset_code (expires_at);

CREATE TABLE rowcast_invitation (
    id UUID NOT NULL CONSTRAINT invitation_pkey PRIMARY KEY,
    project_id UUID NOT NULL
        CONSTRAINT invitation_project_id_fkey REFERENCES projects (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    hash BLOB NOT NULL CONSTRAINT invitation_hash_key UNIQUE,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX rowcast_invitation_project_id ON rowcast_invitation (project_id);
CREATE INDEX rowcast_invitation_expires ON rowcast_invitation (expires_at);

-- Who was removed from a project, or lowered, by somebody else: invitations that are older do not
-- let them in again.
CREATE TABLE rowcast_removal (
    project_id UUID NOT NULL
        CONSTRAINT removal_project_id_fkey REFERENCES projects (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    CONSTRAINT removal_pkey PRIMARY KEY (project_id, user_id)
);
CREATE INDEX rowcast_removal_at ON rowcast_removal (at);

-- Whoever is added to a project is told. A check is changed by a new table; the triggers of other
-- tables that name the old one must not be looked at in between.
PRAGMA legacy_alter_table = ON;
CREATE TABLE notifications_new (
    id UUID NOT NULL PRIMARY KEY DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' ||
        substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))
        CONSTRAINT notifications_id_check CHECK (length(id) = 36 AND id = lower(id)),
    user_id TEXT NOT NULL
        CONSTRAINT notifications_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL
        CONSTRAINT notifications_kind_check CHECK (kind IN ('assigned', 'mentioned', 'commented', 'added')),
    project_id UUID,
    task_id UUID,
    actor TEXT,
    body TEXT NOT NULL DEFAULT '',
    created_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    read_at TIMESTAMPTZ
);
INSERT INTO notifications_new SELECT * FROM notifications;
DROP TABLE notifications;
ALTER TABLE notifications_new RENAME TO notifications;
PRAGMA legacy_alter_table = OFF;
CREATE INDEX notifications_user_id_idx ON notifications (user_id, id);

-- Members are called as the person calls themselves.
CREATE TRIGGER users_renamed AFTER UPDATE OF name ON users
WHEN NEW.name IS NOT OLD.name
BEGIN
    UPDATE members SET name = NEW.name WHERE user_id = NEW.id AND name IS NOT NEW.name;
END;
