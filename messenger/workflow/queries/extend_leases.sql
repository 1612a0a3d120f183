SELECT task_id, number FROM messenger_workflow.extend_leases(
    %s::bigint[], %s::integer[], %s::smallint[], %s::text[]::jsonb[], %s
)
