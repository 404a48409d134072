-- What rests on the owner of a project ends when the owner goes or is lowered, whoever writes that: services
-- that the owner made leave the project, and a service that reaches nothing any more ends; so do the owner's
-- links. Names are bounded.

ALTER TABLE rowcast.invitation ADD COLUMN email text;

-- With the rights of its owner: whoever may write members need not see the engine's tables.
CREATE FUNCTION rowcast.owner_gone() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM rowcast.invitation i WHERE i.project_id = OLD.project_id AND i.created_by = OLD.user_id;
    EXECUTE format(
        'DELETE FROM %1$I.%2$I m WHERE m.project_id = $1 AND m.user_id IN (
             SELECT t.user_id FROM rowcast.service_token t WHERE t.created_by = $2)',
        TG_TABLE_SCHEMA, TG_TABLE_NAME) USING OLD.project_id, OLD.user_id;
    EXECUTE format(
        'UPDATE rowcast.service_token t
         SET ended_at = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
         WHERE t.created_by = $1 AND t.ended_at IS NULL AND t.queues = ''[]''
           AND NOT EXISTS (SELECT FROM %1$I.%2$I m WHERE m.user_id = t.user_id)',
        TG_TABLE_SCHEMA, TG_TABLE_NAME) USING OLD.user_id;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION rowcast.owner_gone() FROM PUBLIC;

CREATE TRIGGER members_owner_gone AFTER DELETE ON members FOR EACH ROW
    WHEN (OLD.role = 'owner')
    EXECUTE FUNCTION rowcast.owner_gone();

CREATE TRIGGER members_owner_lowered AFTER UPDATE ON members FOR EACH ROW
    WHEN (OLD.role = 'owner' AND (NEW.role <> 'owner' OR NEW.user_id <> OLD.user_id
          OR NEW.project_id <> OLD.project_id))
    EXECUTE FUNCTION rowcast.owner_gone();

-- Services whose owners went before this was so.
DELETE FROM members WHERE user_id IN (
    SELECT t.user_id FROM rowcast.service_token t WHERE t.created_by IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM members o WHERE o.project_id = members.project_id
            AND o.user_id = t.created_by AND o.role = 'owner'));

-- A name has 1 to 200 characters: no control characters, no line breaks, nothing that changes the direction
-- of what stands around it.
CREATE FUNCTION rowcast.refuse_name() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'a name has 1 to 200 characters and no control characters';
END $$;

CREATE TRIGGER users_name_insert BEFORE INSERT ON users FOR EACH ROW
    WHEN (length(NEW.name) NOT BETWEEN 1 AND 200
          OR NEW.name ~ '[\u0001-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]')
    EXECUTE FUNCTION rowcast.refuse_name();
CREATE TRIGGER users_name_update BEFORE UPDATE ON users FOR EACH ROW
    WHEN (NEW.name IS DISTINCT FROM OLD.name AND (length(NEW.name) NOT BETWEEN 1 AND 200
          OR NEW.name ~ '[\u0001-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]'))
    EXECUTE FUNCTION rowcast.refuse_name();
CREATE TRIGGER projects_name_insert BEFORE INSERT ON projects FOR EACH ROW
    WHEN (NEW.name ~ '[\u0001-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]')
    EXECUTE FUNCTION rowcast.refuse_name();
CREATE TRIGGER projects_name_update BEFORE UPDATE ON projects FOR EACH ROW
    WHEN (NEW.name IS DISTINCT FROM OLD.name
          AND NEW.name ~ '[\u0001-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]')
    EXECUTE FUNCTION rowcast.refuse_name();
