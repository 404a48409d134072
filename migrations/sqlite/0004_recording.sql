-- Channels of which so many changes wait to be numbered that a reset will stand for them: no more is
-- recorded until it does. `recorded`: what follows is recorded all the same.
CREATE TABLE rowcast_flood (
    shape INTEGER NOT NULL,
    ch NOT NULL,
    recorded INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (shape, ch)
) WITHOUT ROWID;

-- Every 1,024th record looks back over 2,048: a channel that has more than 1,000 of them is flooded.
-- Large statements are mostly about one channel; for one about many, this costs nearly nothing. The
-- hub's own records, numbered from 2^62 on, flood nothing. No `OR IGNORE`: inside a trigger the
-- writer's own `OR …` would count.
CREATE TRIGGER rowcast_flooded AFTER INSERT ON rowcast_pending
WHEN NEW.id & 1023 = 0 AND NEW.id < 4611686018427387904
BEGIN
    INSERT INTO rowcast_flood (shape, ch)
    SELECT NEW.shape, NEW.ch
    WHERE NEW.ch IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM rowcast_flood WHERE shape = NEW.shape AND ch = NEW.ch)
        AND (SELECT count(*) FROM rowcast_pending
            WHERE id > NEW.id - 2048 AND shape = NEW.shape AND ch = NEW.ch) > 1000;
    INSERT INTO rowcast_flood (shape, ch)
    SELECT NEW.shape, NEW.och
    WHERE NEW.och IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM rowcast_flood WHERE shape = NEW.shape AND ch = NEW.och)
        AND (SELECT count(*) FROM rowcast_pending
            WHERE id > NEW.id - 2048 AND shape = NEW.shape AND och = NEW.och) > 1000;
END;
