-- Refusals are kept without long rows that a guard met.
UPDATE rowcast_edit SET error = json_remove(error, '$.row')
WHERE length(error) > 2048 AND json_type(error, '$.row') IS NOT NULL;
