SELECT task_id, created FROM messenger_workflow.create_tasks(
    %s::integer[], %s::text[], %s::text[]::jsonb[], %s::smallint[], %s::timestamptz[], %s::boolean[]
)
