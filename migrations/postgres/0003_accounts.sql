-- People's accounts, their sessions, service tokens, invitations. Instants are microseconds since
-- 1970. No secret stands here: passwords as Argon2 hashes, every token and code as its SHA-256.

-- `email_key` is the address by which accounts are compared (lower case). Without a password nobody
-- signs in with one.
CREATE TABLE rowcast.account (
    user_id text CONSTRAINT account_pkey PRIMARY KEY
        CONSTRAINT account_user_id_fkey REFERENCES users ON DELETE CASCADE,
    email text NOT NULL,
    email_key text NOT NULL CONSTRAINT account_email_key UNIQUE,
    password text,
    admin boolean NOT NULL DEFAULT false,
    created_at bigint NOT NULL,
    closed_at bigint
);
CREATE INDEX account_closed ON rowcast.account (closed_at) WHERE closed_at IS NOT NULL;

-- One per sign-in: the family of its refresh tokens.
CREATE TABLE rowcast.session (
    id uuid CONSTRAINT session_pkey PRIMARY KEY,
    user_id text NOT NULL
        CONSTRAINT session_user_id_fkey REFERENCES rowcast.account ON DELETE CASCADE,
    created_at bigint NOT NULL,
    used_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    address text NOT NULL,
    agent text NOT NULL,
    ended_at bigint
);
CREATE INDEX session_user_id ON rowcast.session (user_id, used_at);
CREATE INDEX session_ended ON rowcast.session (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX session_expires ON rowcast.session (expires_at);

-- Used tokens stay for a while, so that a second use is seen.
CREATE TABLE rowcast.refresh (
    hash bytea CONSTRAINT refresh_pkey PRIMARY KEY,
    session_id uuid NOT NULL
        CONSTRAINT refresh_session_id_fkey REFERENCES rowcast.session ON DELETE CASCADE,
    used_at bigint
);
CREATE INDEX refresh_session_id ON rowcast.refresh (session_id);
CREATE INDEX refresh_used ON rowcast.refresh (used_at) WHERE used_at IS NOT NULL;

-- A service is a row of `users`; what it may reach are its rows of `members`.
CREATE TABLE rowcast.service_token (
    id uuid CONSTRAINT service_token_pkey PRIMARY KEY,
    user_id text NOT NULL CONSTRAINT service_token_user_id_key UNIQUE
        CONSTRAINT service_token_user_id_fkey REFERENCES users ON DELETE CASCADE,
    hash bytea NOT NULL CONSTRAINT service_token_hash_key UNIQUE,
    queues text NOT NULL,
    created_by text,
    created_at bigint NOT NULL,
    expires_at bigint,
    ended_at bigint
);
CREATE INDEX service_token_ended ON rowcast.service_token (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE rowcast.reset_code (
    hash bytea CONSTRAINT reset_code_pkey PRIMARY KEY,
    user_id text NOT NULL
        CONSTRAINT reset_code_user_id_fkey REFERENCES rowcast.account ON DELETE CASCADE,
    expires_at bigint NOT NULL
);
CREATE INDEX reset_code_user_id ON rowcast.reset_code (user_id);
CREATE INDEX reset_code_expires ON rowcast.reset_code (expires_at);

CREATE TABLE rowcast.invitation (
    id uuid CONSTRAINT invitation_pkey PRIMARY KEY,
    project_id uuid NOT NULL
        CONSTRAINT invitation_project_id_fkey REFERENCES projects ON DELETE CASCADE,
    role text NOT NULL,
    hash bytea NOT NULL CONSTRAINT invitation_hash_key UNIQUE,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX invitation_project_id ON rowcast.invitation (project_id);
CREATE INDEX invitation_expires ON rowcast.invitation (expires_at);

-- Who was removed from a project, or lowered, by somebody else: invitations that are older do not
-- let them in again.
CREATE TABLE rowcast.removal (
    project_id uuid NOT NULL
        CONSTRAINT removal_project_id_fkey REFERENCES projects ON DELETE CASCADE,
    user_id text NOT NULL,
    at bigint NOT NULL,
    CONSTRAINT removal_pkey PRIMARY KEY (project_id, user_id)
);
CREATE INDEX removal_at ON rowcast.removal (at);

-- Whoever is added to a project is told.
ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_check
    CHECK (kind IN ('assigned', 'mentioned', 'commented', 'added'));

-- Members are called as the person calls themselves.
CREATE FUNCTION rename_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE members SET name = NEW.name WHERE user_id = NEW.id AND name IS DISTINCT FROM NEW.name;
    RETURN NULL;
END $$;

CREATE TRIGGER users_renamed AFTER UPDATE OF name ON users FOR EACH ROW
    WHEN (NEW.name IS DISTINCT FROM OLD.name)
    EXECUTE FUNCTION rename_members();
