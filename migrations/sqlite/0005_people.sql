-- What rests on the owner of a project ends when the owner goes or is lowered, whoever writes that: services
-- that the owner made leave the project, and a service that reaches nothing any more ends; so do the owner's
-- links. Names are bounded.

ALTER TABLE rowcast_invitation ADD COLUMN email TEXT;

CREATE TRIGGER members_owner_gone AFTER DELETE ON members
WHEN OLD.role = 'owner'
BEGIN
    DELETE FROM rowcast_invitation WHERE project_id = OLD.project_id AND created_by = OLD.user_id;
    DELETE FROM members WHERE project_id = OLD.project_id AND user_id IN (
        SELECT user_id FROM rowcast_service_token WHERE created_by = OLD.user_id);
    UPDATE rowcast_service_token
    SET ended_at = CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)
    WHERE created_by = OLD.user_id AND ended_at IS NULL AND queues = '[]'
      AND NOT EXISTS (SELECT 1 FROM members WHERE members.user_id = rowcast_service_token.user_id);
END;

CREATE TRIGGER members_owner_lowered AFTER UPDATE OF role, user_id, project_id ON members
WHEN OLD.role = 'owner'
    AND (NEW.role <> 'owner' OR NEW.user_id <> OLD.user_id OR NEW.project_id <> OLD.project_id)
BEGIN
    DELETE FROM rowcast_invitation WHERE project_id = OLD.project_id AND created_by = OLD.user_id;
    DELETE FROM members WHERE project_id = OLD.project_id AND user_id IN (
        SELECT user_id FROM rowcast_service_token WHERE created_by = OLD.user_id);
    UPDATE rowcast_service_token
    SET ended_at = CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)
    WHERE created_by = OLD.user_id AND ended_at IS NULL AND queues = '[]'
      AND NOT EXISTS (SELECT 1 FROM members WHERE members.user_id = rowcast_service_token.user_id);
END;

-- Services whose owners went before this was so.
DELETE FROM members WHERE user_id IN (
    SELECT t.user_id FROM rowcast_service_token t WHERE t.created_by IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM members o WHERE o.project_id = members.project_id
            AND o.user_id = t.created_by AND o.role = 'owner'));

-- A name has 1 to 200 characters: no control characters, no line breaks, nothing that changes the direction
-- of what stands around it.
CREATE TRIGGER users_name_insert BEFORE INSERT ON users
WHEN length(NEW.name) NOT BETWEEN 1 AND 200 OR instr(CAST(NEW.name AS BLOB), x'00') > 0
    OR NEW.name GLOB '*[' || char(1, 45, 31, 127, 45, 159, 8232, 45, 8238, 8294, 45, 8297) || ']*'
BEGIN
    SELECT RAISE(ABORT, 'a name has 1 to 200 characters and no control characters');
END;

CREATE TRIGGER users_name_update BEFORE UPDATE OF name ON users
WHEN NEW.name IS NOT OLD.name
    AND (length(NEW.name) NOT BETWEEN 1 AND 200 OR instr(CAST(NEW.name AS BLOB), x'00') > 0
    OR NEW.name GLOB '*[' || char(1, 45, 31, 127, 45, 159, 8232, 45, 8238, 8294, 45, 8297) || ']*')
BEGIN
    SELECT RAISE(ABORT, 'a name has 1 to 200 characters and no control characters');
END;

CREATE TRIGGER projects_name_insert BEFORE INSERT ON projects
WHEN instr(CAST(NEW.name AS BLOB), x'00') > 0
    OR NEW.name GLOB '*[' || char(1, 45, 31, 127, 45, 159, 8232, 45, 8238, 8294, 45, 8297) || ']*'
BEGIN
    SELECT RAISE(ABORT, 'a name has 1 to 200 characters and no control characters');
END;

CREATE TRIGGER projects_name_update BEFORE UPDATE OF name ON projects
WHEN NEW.name IS NOT OLD.name AND (instr(CAST(NEW.name AS BLOB), x'00') > 0
    OR NEW.name GLOB '*[' || char(1, 45, 31, 127, 45, 159, 8232, 45, 8238, 8294, 45, 8297) || ']*')
BEGIN
    SELECT RAISE(ABORT, 'a name has 1 to 200 characters and no control characters');
END;
