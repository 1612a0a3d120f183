SELECT messenger_workflow.resolve_step(%s::bigint, %s::integer, %s::jsonb, %s)::text
