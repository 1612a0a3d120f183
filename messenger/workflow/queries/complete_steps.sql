SELECT * FROM messenger_workflow.complete_steps(
    %s::bigint[], %s::integer[], %s::smallint[], %s::text[]::jsonb[], %s::integer, %s, %s::integer[], %s, %s
)
