SELECT messenger_workflow.retry_step(%s::bigint, %s::integer, %s)::text
