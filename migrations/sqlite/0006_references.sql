-- What a task refers to, and what refers to it, stands in the task's own project: its parent, its comments,
-- whoever it is given to. Moving a task takes its subtasks and comments along; whoever leaves a project is
-- nobody's assignee there. Notifications go to members and end with the membership.

-- Rows from before: comments follow their task (they stayed behind when it was moved), and what named a task
-- or a person of another project names nobody.
UPDATE comments SET project_id = (SELECT t.project_id FROM tasks t WHERE t.id = comments.task_id)
WHERE EXISTS (SELECT 1 FROM tasks t WHERE t.id = comments.task_id AND t.project_id <> comments.project_id);
UPDATE tasks SET parent_id = NULL
WHERE parent_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM tasks p WHERE p.id = tasks.parent_id AND p.project_id = tasks.project_id);
UPDATE tasks SET assignee = NULL
WHERE assignee IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM members m WHERE m.project_id = tasks.project_id AND m.user_id = tasks.assignee);
DELETE FROM notifications
WHERE project_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM members m
      WHERE m.project_id = notifications.project_id AND m.user_id = notifications.user_id);

DROP INDEX IF EXISTS tasks_project_id_id_idx;
CREATE UNIQUE INDEX tasks_project_id_id_key ON tasks (project_id, id);

-- Constraints stand in the text of a table alone, so that no table is made anew, which would cost the triggers,
-- indexes and foreign keys that others have made. A text that cannot be read takes the whole migration back.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql,
        'CONSTRAINT tasks_parent_id_fkey REFERENCES tasks (id) ON DELETE CASCADE', ''),
        'CONSTRAINT tasks_assignee_fkey REFERENCES users (id) ON DELETE SET NULL', '')
WHERE type = 'table' AND name = 'tasks';
UPDATE sqlite_schema SET sql = replace(sql,
        'CONSTRAINT comments_task_id_fkey REFERENCES tasks (id) ON DELETE CASCADE', '')
WHERE type = 'table' AND name = 'comments';
UPDATE sqlite_schema SET sql = substr(rtrim(sql), 1, length(rtrim(sql)) - 1) || ',
    CONSTRAINT tasks_parent_id_fkey FOREIGN KEY (project_id, parent_id)
        REFERENCES tasks (project_id, id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT tasks_assignee_fkey FOREIGN KEY (project_id, assignee)
        REFERENCES members (project_id, user_id)
)'
WHERE type = 'table' AND name = 'tasks';
UPDATE sqlite_schema SET sql = substr(rtrim(sql), 1, length(rtrim(sql)) - 1) || ',
    CONSTRAINT comments_task_id_fkey FOREIGN KEY (project_id, task_id)
        REFERENCES tasks (project_id, id) ON DELETE CASCADE ON UPDATE CASCADE
)'
WHERE type = 'table' AND name = 'comments';
PRAGMA writable_schema = RESET;

-- Writers may have switched foreign keys off, so the triggers do not rely on them.
DROP TRIGGER IF EXISTS tasks_assigned_insert;
CREATE TRIGGER tasks_assigned_insert AFTER INSERT ON tasks
WHEN NEW.assignee IS NOT NULL AND NEW.assignee IS NOT coalesce(NEW.updated_by, NEW.created_by)
BEGIN
    INSERT INTO notifications (user_id, kind, project_id, task_id, actor, body)
    SELECT user_id, 'assigned', NEW.project_id, NEW.id, coalesce(NEW.updated_by, NEW.created_by),
        substr(NEW.title, 1, 200)
    FROM members WHERE project_id = NEW.project_id AND user_id = NEW.assignee;
END;

DROP TRIGGER IF EXISTS tasks_assigned_update;
CREATE TRIGGER tasks_assigned_update AFTER UPDATE OF assignee ON tasks
WHEN NEW.assignee IS NOT NULL AND NEW.assignee IS NOT OLD.assignee
    AND NEW.assignee IS NOT NEW.updated_by
BEGIN
    INSERT INTO notifications (user_id, kind, project_id, task_id, actor, body)
    SELECT user_id, 'assigned', NEW.project_id, NEW.id, NEW.updated_by, substr(NEW.title, 1, 200)
    FROM members WHERE project_id = NEW.project_id AND user_id = NEW.assignee;
END;

-- A comment names people as @id, where no character of an id follows; other members who have to do with the
-- task hear that it was commented. Nobody hears of their own comment, nor twice.
DROP TRIGGER IF EXISTS comments_noticed;
CREATE TRIGGER comments_noticed AFTER INSERT ON comments
BEGIN
    INSERT INTO notifications (user_id, kind, project_id, task_id, actor, body)
    SELECT user_id, kind, NEW.project_id, NEW.task_id, NEW.author, substr(NEW.body, 1, 200)
    FROM (
        SELECT user_id, CASE
            WHEN NEW.body || ' ' GLOB '*@' || user_id || '[^A-Za-z0-9._~@+|=/:-]*'
                OR NEW.body || ' ' GLOB '*@' || user_id || '[.:][^A-Za-z0-9]*' THEN 'mentioned'
            WHEN user_id IN (SELECT assignee FROM tasks WHERE id = NEW.task_id AND project_id = NEW.project_id
                UNION ALL SELECT created_by FROM tasks
                    WHERE id = NEW.task_id AND project_id = NEW.project_id) THEN 'commented'
            END AS kind
        FROM members WHERE project_id = NEW.project_id AND user_id IS NOT NEW.author)
    WHERE kind IS NOT NULL;
END;

CREATE TRIGGER members_gone AFTER DELETE ON members
BEGIN
    UPDATE tasks SET assignee = NULL WHERE project_id = OLD.project_id AND assignee = OLD.user_id;
    DELETE FROM notifications WHERE user_id = OLD.user_id AND project_id = OLD.project_id;
END;

CREATE TRIGGER members_moved AFTER UPDATE OF project_id, user_id ON members
WHEN NEW.project_id <> OLD.project_id OR NEW.user_id <> OLD.user_id
BEGIN
    UPDATE tasks SET assignee = NULL WHERE project_id = OLD.project_id AND assignee = OLD.user_id;
    DELETE FROM notifications WHERE user_id = OLD.user_id AND project_id = OLD.project_id;
END;
