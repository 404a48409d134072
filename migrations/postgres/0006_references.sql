-- What a task refers to, and what refers to it, stands in the task's own project: its parent, its comments,
-- whoever it is given to. Moving a task takes its subtasks and comments along; whoever leaves a project is
-- nobody's assignee there. Notifications go to members and end with the membership.

-- Rows from before: comments follow their task (they stayed behind when it was moved), and what named a task
-- or a person of another project names nobody.
UPDATE comments SET project_id = t.project_id FROM tasks t
WHERE t.id = comments.task_id AND t.project_id <> comments.project_id;
UPDATE tasks SET parent_id = NULL
WHERE parent_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM tasks p WHERE p.id = tasks.parent_id AND p.project_id = tasks.project_id);
UPDATE tasks SET assignee = NULL
WHERE assignee IS NOT NULL
  AND NOT EXISTS (SELECT FROM members m WHERE m.project_id = tasks.project_id AND m.user_id = tasks.assignee);
DELETE FROM notifications
WHERE project_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM members m
      WHERE m.project_id = notifications.project_id AND m.user_id = notifications.user_id);

ALTER TABLE tasks ADD CONSTRAINT tasks_project_id_id_key UNIQUE (project_id, id);
ALTER TABLE tasks
    DROP CONSTRAINT IF EXISTS tasks_parent_id_fkey,
    DROP CONSTRAINT IF EXISTS tasks_assignee_fkey;
ALTER TABLE tasks
    ADD CONSTRAINT tasks_parent_id_fkey FOREIGN KEY (project_id, parent_id)
        REFERENCES tasks (project_id, id) ON DELETE CASCADE ON UPDATE CASCADE,
    ADD CONSTRAINT tasks_assignee_fkey FOREIGN KEY (project_id, assignee)
        REFERENCES members (project_id, user_id) ON DELETE SET NULL (assignee);
ALTER TABLE comments DROP CONSTRAINT IF EXISTS comments_task_id_fkey;
ALTER TABLE comments ADD CONSTRAINT comments_task_id_fkey FOREIGN KEY (project_id, task_id)
    REFERENCES tasks (project_id, id) ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
-- Comments whose task is gone, which only writers without constraints can have left, stay as they are.
DO $$
BEGIN
    ALTER TABLE comments VALIDATE CONSTRAINT comments_task_id_fkey;
EXCEPTION WHEN foreign_key_violation THEN
    RAISE WARNING 'comments refer to tasks that are not there';
END $$;
-- Snapshots read tasks by the key that was made above.
DO $$
BEGIN
    EXECUTE format('DROP INDEX IF EXISTS rowcast_page_%s', 'tasks'::regclass::oid);
END $$;

CREATE OR REPLACE FUNCTION notify_assigned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO notifications (user_id, kind, project_id, task_id, actor, body)
    SELECT m.user_id, 'assigned', NEW.project_id, NEW.id, NEW.updated_by, left(NEW.title, 200)
    FROM members m WHERE m.project_id = NEW.project_id AND m.user_id = NEW.assignee;
    RETURN NULL;
END $$;

-- `mentioned` to members named as `@id`, `commented` to members who have to do with the task and were not
-- mentioned; never to the author.
CREATE OR REPLACE FUNCTION notify_commented() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO notifications (user_id, kind, project_id, task_id, actor, body)
    WITH mentioned AS (
        SELECT rtrim(word[1], '.:') AS user_id
        FROM regexp_matches(NEW.body, '@([A-Za-z0-9._~+|=:-]+)', 'g') AS word
        WHERE strpos(NEW.body, '@') > 0
    ), concerned AS (
        SELECT unnest(ARRAY[t.assignee, t.created_by]) AS user_id
        FROM tasks t WHERE t.id = NEW.task_id AND t.project_id = NEW.project_id
    )
    SELECT m.user_id,
        CASE WHEN m.user_id IN (SELECT user_id FROM mentioned) THEN 'mentioned' ELSE 'commented' END,
        NEW.project_id, NEW.task_id, NEW.author, left(NEW.body, 200)
    FROM members m
    WHERE m.project_id = NEW.project_id AND m.user_id IS DISTINCT FROM NEW.author
      AND m.user_id IN (SELECT user_id FROM mentioned UNION ALL SELECT user_id FROM concerned);
    RETURN NULL;
END $$;

-- With the rights of its owner: whoever may write members need not be allowed to write tasks and notifications.
-- What a deletion does to tasks their foreign key says.
CREATE FUNCTION rowcast.member_gone() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('DELETE FROM %I.notifications WHERE user_id = $1 AND project_id = $2', TG_TABLE_SCHEMA)
        USING OLD.user_id, OLD.project_id;
    IF TG_OP = 'UPDATE' THEN
        EXECUTE format('UPDATE %I.tasks SET assignee = NULL WHERE assignee = $1 AND project_id = $2', TG_TABLE_SCHEMA)
            USING OLD.user_id, OLD.project_id;
    END IF;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION rowcast.member_gone() FROM PUBLIC;

CREATE TRIGGER members_gone AFTER DELETE ON members FOR EACH ROW
    EXECUTE FUNCTION rowcast.member_gone();
CREATE TRIGGER members_moved BEFORE UPDATE OF project_id, user_id ON members FOR EACH ROW
    WHEN (NEW.project_id <> OLD.project_id OR NEW.user_id <> OLD.user_id)
    EXECUTE FUNCTION rowcast.member_gone();
