SELECT dead_letter_id, task_id, snapshot ->> 'step', at, reason, snapshot::text, settled_at
FROM messenger_workflow.dead_letter
WHERE (settled_at IS NULL OR %s) AND dead_letter_id < %s::bigint
ORDER BY dead_letter_id DESC
LIMIT %s::integer
