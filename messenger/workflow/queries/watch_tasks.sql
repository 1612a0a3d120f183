-- Ask to be told of their end; whoever is to tell locks them first, so one of us comes before the other.
UPDATE messenger_workflow.task SET watched = true
WHERE task_id = ANY (%s::bigint[]) AND NOT watched AND state NOT IN ('complete', 'error', 'cancelled')
