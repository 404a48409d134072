-- The shipped live tables: people, projects with their members, tasks, comments, notifications.
-- Plain tables; they are declared live in the configuration like any other.
CREATE TABLE users (
    id text CONSTRAINT users_pkey PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE projects (
    id uuid CONSTRAINT projects_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL CONSTRAINT projects_name_check CHECK (length(name) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE members (
    project_id uuid NOT NULL
        CONSTRAINT members_project_id_fkey REFERENCES projects ON DELETE CASCADE,
    user_id text NOT NULL CONSTRAINT members_user_id_fkey REFERENCES users ON DELETE CASCADE,
    name text NOT NULL DEFAULT '',
    role text NOT NULL
        CONSTRAINT members_role_check CHECK (role IN ('viewer', 'editor', 'owner')),
    CONSTRAINT members_pkey PRIMARY KEY (project_id, user_id)
);
CREATE INDEX members_user_id ON members (user_id);

CREATE TABLE tasks (
    id uuid CONSTRAINT tasks_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL
        CONSTRAINT tasks_project_id_fkey REFERENCES projects ON DELETE CASCADE,
    parent_id uuid CONSTRAINT tasks_parent_id_fkey REFERENCES tasks ON DELETE CASCADE,
    title text NOT NULL CONSTRAINT tasks_title_check CHECK (length(title) BETWEEN 1 AND 65536),
    description text NOT NULL DEFAULT '',
    status text NOT NULL DEFAULT 'todo'
        CONSTRAINT tasks_status_check CHECK (status IN ('todo', 'doing', 'done')),
    priority text NOT NULL DEFAULT 'medium'
        CONSTRAINT tasks_priority_check CHECK (priority IN ('low', 'medium', 'high', 'urgent')),
    assignee text CONSTRAINT tasks_assignee_fkey REFERENCES users ON DELETE SET NULL,
    due_date date,
    position text COLLATE "C",
    labels jsonb NOT NULL DEFAULT '[]'
        CONSTRAINT tasks_labels_check CHECK (jsonb_typeof(labels) = 'array'),
    dependencies jsonb NOT NULL DEFAULT '[]'
        CONSTRAINT tasks_dependencies_check CHECK (jsonb_typeof(dependencies) = 'array'),
    metadata jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT tasks_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
    completed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text,
    updated_by text
) WITH (fillfactor = 80);
CREATE INDEX tasks_project_id_position ON tasks (project_id, position);
CREATE INDEX tasks_parent_id ON tasks (parent_id);
CREATE INDEX tasks_assignee ON tasks (assignee);

CREATE TABLE comments (
    id uuid CONSTRAINT comments_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL
        CONSTRAINT comments_project_id_fkey REFERENCES projects ON DELETE CASCADE,
    task_id uuid NOT NULL CONSTRAINT comments_task_id_fkey REFERENCES tasks ON DELETE CASCADE,
    author text CONSTRAINT comments_author_fkey REFERENCES users ON DELETE SET NULL,
    body text NOT NULL CONSTRAINT comments_body_check CHECK (length(body) BETWEEN 1 AND 65536),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX comments_task_id ON comments (task_id);
CREATE INDEX comments_project_id ON comments (project_id);

CREATE TABLE notifications (
    id uuid CONSTRAINT notifications_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id text NOT NULL CONSTRAINT notifications_user_id_fkey REFERENCES users ON DELETE CASCADE,
    kind text NOT NULL
        CONSTRAINT notifications_kind_check CHECK (kind IN ('assigned', 'mentioned', 'commented')),
    project_id uuid,
    task_id uuid,
    actor text,
    body text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    read_at timestamptz
);
CREATE INDEX notifications_user_id ON notifications (user_id);

-- Notifications are plain consequences of plain statements, whoever made them.
CREATE FUNCTION notify_assigned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO notifications (user_id, kind, project_id, task_id, actor, body)
    VALUES (NEW.assignee, 'assigned', NEW.project_id, NEW.id, NEW.updated_by, left(NEW.title, 200));
    RETURN NULL;
END $$;

CREATE TRIGGER tasks_notify_new AFTER INSERT ON tasks FOR EACH ROW
    WHEN (NEW.assignee IS NOT NULL
          AND NEW.assignee IS DISTINCT FROM coalesce(NEW.updated_by, NEW.created_by))
    EXECUTE FUNCTION notify_assigned();

CREATE TRIGGER tasks_notify_changed AFTER UPDATE OF assignee ON tasks FOR EACH ROW
    WHEN (NEW.assignee IS NOT NULL AND NEW.assignee IS DISTINCT FROM OLD.assignee
          AND NEW.assignee IS DISTINCT FROM NEW.updated_by)
    EXECUTE FUNCTION notify_assigned();

-- `mentioned` to members named as `@id`, `commented` to the task's people who were not mentioned;
-- never to the author.
CREATE FUNCTION notify_commented() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO notifications (user_id, kind, project_id, task_id, actor, body)
    WITH mentioned AS (
        SELECT m.user_id FROM members m
        WHERE strpos(NEW.body, '@') > 0
          AND m.project_id = NEW.project_id
          AND m.user_id = ANY (
              SELECT rtrim(word[1], '.:') FROM regexp_matches(NEW.body, '@([A-Za-z0-9._~+|=:-]+)', 'g') AS word)
    ), concerned AS (
        SELECT t.assignee AS user_id FROM tasks t WHERE t.id = NEW.task_id
        UNION
        SELECT t.created_by FROM tasks t WHERE t.id = NEW.task_id
    )
    SELECT p.user_id, p.kind, NEW.project_id, NEW.task_id, NEW.author, left(NEW.body, 200)
    FROM (
        SELECT m.user_id, 'mentioned' AS kind FROM mentioned m
        UNION ALL
        SELECT c.user_id, 'commented' FROM concerned c JOIN users u ON u.id = c.user_id
        WHERE NOT EXISTS (SELECT FROM mentioned m WHERE m.user_id = c.user_id)
    ) p
    WHERE p.user_id IS DISTINCT FROM NEW.author;
    RETURN NULL;
END $$;

CREATE TRIGGER comments_notify AFTER INSERT ON comments FOR EACH ROW
    EXECUTE FUNCTION notify_commented();
