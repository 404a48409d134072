-- Refusals are kept without long rows that a guard met, and without the database's words about a key,
-- which may hold values of hidden columns. Of a key the names of its columns stay.
UPDATE rowcast.edit SET failure = jsonb_strip_nulls(
        failure - 'detail' - CASE WHEN octet_length(failure ->> 'row') > 2048 THEN 'row' ELSE '' END
        || jsonb_build_object(
            'there', CASE WHEN octet_length(failure ->> 'row') > 2048 THEN true END,
            'detail', substring(failure ->> 'detail' FROM '^Key \(([^()=]*)\)=\('),
            'message', CASE WHEN failure ->> 'code' LIKE '22%'
                THEN regexp_replace(failure ->> 'message', ': ".*$', '')
                ELSE failure ->> 'message' END))
WHERE octet_length(failure ->> 'row') > 2048 OR failure ->> 'detail' IS NOT NULL
    OR failure ->> 'code' LIKE '22%';
