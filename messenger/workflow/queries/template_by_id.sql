SELECT definition::text FROM messenger_workflow.template WHERE template_id = %s::integer
