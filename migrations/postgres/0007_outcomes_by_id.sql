-- Outcomes are found by the edit's id first: ids that are made in order stand side by side, whoever made them, so
-- that the edits of many people that are committed together touch few pages.
ALTER TABLE rowcast.edit DROP CONSTRAINT edit_pkey, ADD CONSTRAINT edit_pkey PRIMARY KEY (id, user_id);
