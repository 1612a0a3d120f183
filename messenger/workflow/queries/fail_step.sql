SELECT messenger_workflow.fail_step(%s::bigint, %s::integer, %s::smallint, %s::jsonb, %s, %s)
