-- The shipped live tables: plain tables that anybody may write.
--
-- UUIDs stand in lower case, instants as 2026-11-20T10:15:00.000000Z, so that texts compare as the
-- values do. Checks and triggers use only functions that every SQLite has and lets schemas use, also
-- where a writer does not trust the schema.

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
);

CREATE TABLE projects (
    id UUID NOT NULL PRIMARY KEY DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' ||
        substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))
        CONSTRAINT projects_id_check CHECK (length(id) = 36 AND id = lower(id)),
    name TEXT NOT NULL
        CONSTRAINT projects_name_check CHECK (length(name) BETWEEN 1 AND 200),
    created_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
);

CREATE TABLE members (
    project_id UUID NOT NULL
        CONSTRAINT members_project_id_fkey REFERENCES projects (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL
        CONSTRAINT members_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL DEFAULT '',
    role TEXT NOT NULL
        CONSTRAINT members_role_check CHECK (role IN ('viewer', 'editor', 'owner')),
    CONSTRAINT members_pkey PRIMARY KEY (project_id, user_id)
);
CREATE INDEX members_user_id_idx ON members (user_id);

CREATE TABLE tasks (
    id UUID NOT NULL PRIMARY KEY DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' ||
        substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))
        CONSTRAINT tasks_id_check CHECK (length(id) = 36 AND id = lower(id)),
    project_id UUID NOT NULL
        CONSTRAINT tasks_project_id_fkey REFERENCES projects (id) ON DELETE CASCADE,
    parent_id UUID
        CONSTRAINT tasks_parent_id_fkey REFERENCES tasks (id) ON DELETE CASCADE,
    title TEXT NOT NULL
        CONSTRAINT tasks_title_check CHECK (length(title) BETWEEN 1 AND 65536),
    description TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT 'todo'
        CONSTRAINT tasks_status_check CHECK (status IN ('todo', 'doing', 'done')),
    priority TEXT NOT NULL DEFAULT 'medium'
        CONSTRAINT tasks_priority_check CHECK (priority IN ('low', 'medium', 'high', 'urgent')),
    assignee TEXT
        CONSTRAINT tasks_assignee_fkey REFERENCES users (id) ON DELETE SET NULL,
    due_date DATE,
    position TEXT,
    labels JSON NOT NULL DEFAULT '[]'
        CONSTRAINT tasks_labels_check CHECK (trim(labels) GLOB '[[]*]'),
    dependencies JSON NOT NULL DEFAULT '[]'
        CONSTRAINT tasks_dependencies_check CHECK (trim(dependencies) GLOB '[[]*]'),
    metadata JSON NOT NULL DEFAULT '{}'
        CONSTRAINT tasks_metadata_check CHECK (trim(metadata) GLOB '{*}'),
    completed_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    created_by TEXT,
    updated_by TEXT
);
CREATE INDEX tasks_project_id_position_idx ON tasks (project_id, position, id);
CREATE INDEX tasks_project_id_id_idx ON tasks (project_id, id);
CREATE INDEX tasks_parent_id_idx ON tasks (parent_id);
CREATE INDEX tasks_assignee_idx ON tasks (assignee);

CREATE TABLE comments (
    id UUID NOT NULL PRIMARY KEY DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' ||
        substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))
        CONSTRAINT comments_id_check CHECK (length(id) = 36 AND id = lower(id)),
    project_id UUID NOT NULL
        CONSTRAINT comments_project_id_fkey REFERENCES projects (id) ON DELETE CASCADE,
    task_id UUID NOT NULL
        CONSTRAINT comments_task_id_fkey REFERENCES tasks (id) ON DELETE CASCADE,
    author TEXT
        CONSTRAINT comments_author_fkey REFERENCES users (id) ON DELETE SET NULL,
    body TEXT NOT NULL
        CONSTRAINT comments_body_check CHECK (length(body) BETWEEN 1 AND 65536),
    created_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
);
CREATE INDEX comments_project_id_idx ON comments (project_id, id);
CREATE INDEX comments_task_id_idx ON comments (task_id);
CREATE INDEX comments_author_idx ON comments (author);

CREATE TABLE notifications (
    id UUID NOT NULL PRIMARY KEY DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' ||
        substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))
        CONSTRAINT notifications_id_check CHECK (length(id) = 36 AND id = lower(id)),
    user_id TEXT NOT NULL
        CONSTRAINT notifications_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL
        CONSTRAINT notifications_kind_check CHECK (kind IN ('assigned', 'mentioned', 'commented')),
    project_id UUID,
    task_id UUID,
    actor TEXT,
    body TEXT NOT NULL DEFAULT '',
    created_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    read_at TIMESTAMPTZ
);
CREATE INDEX notifications_user_id_idx ON notifications (user_id, id);

-- A task was given to somebody, by somebody else.
CREATE TRIGGER tasks_assigned_insert AFTER INSERT ON tasks
WHEN NEW.assignee IS NOT NULL AND NEW.assignee IS NOT coalesce(NEW.updated_by, NEW.created_by)
BEGIN
    INSERT INTO notifications (user_id, kind, project_id, task_id, actor, body)
    VALUES (NEW.assignee, 'assigned', NEW.project_id, NEW.id,
        coalesce(NEW.updated_by, NEW.created_by), substr(NEW.title, 1, 200));
END;

CREATE TRIGGER tasks_assigned_update AFTER UPDATE OF assignee ON tasks
WHEN NEW.assignee IS NOT NULL AND NEW.assignee IS NOT OLD.assignee
    AND NEW.assignee IS NOT NEW.updated_by
BEGIN
    INSERT INTO notifications (user_id, kind, project_id, task_id, actor, body)
    VALUES (NEW.assignee, 'assigned', NEW.project_id, NEW.id, NEW.updated_by,
        substr(NEW.title, 1, 200));
END;

-- A comment names people as @id, where no character of an id follows; everybody else who has to do
-- with the task hears that it was commented. Nobody hears of their own comment, nor twice.
CREATE TRIGGER comments_noticed AFTER INSERT ON comments
BEGIN
    INSERT INTO notifications (user_id, kind, project_id, task_id, actor, body)
    SELECT user_id, 'mentioned', NEW.project_id, NEW.task_id, NEW.author, substr(NEW.body, 1, 200)
    FROM members
    WHERE project_id = NEW.project_id AND user_id IS NOT NEW.author
        AND (NEW.body || ' ' GLOB '*@' || user_id || '[^A-Za-z0-9._~@+|=/:-]*'
            OR NEW.body || ' ' GLOB '*@' || user_id || '[.:][^A-Za-z0-9]*')
    UNION ALL
    SELECT id, 'commented', NEW.project_id, NEW.task_id, NEW.author, substr(NEW.body, 1, 200)
    FROM users
    WHERE id IN (SELECT assignee FROM tasks WHERE id = NEW.task_id
            UNION SELECT created_by FROM tasks WHERE id = NEW.task_id)
        AND id IS NOT NEW.author
        AND NOT EXISTS (
            SELECT 1 FROM members
            WHERE project_id = NEW.project_id AND user_id = users.id
                        AND (NEW.body || ' ' GLOB '*@' || user_id || '[^A-Za-z0-9._~@+|=/:-]*'
            OR NEW.body || ' ' GLOB '*@' || user_id || '[.:][^A-Za-z0-9]*')
        );
END;
