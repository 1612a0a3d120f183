SELECT messenger_workflow.register_template(%s, %s, %s, %s::jsonb, %s::jsonb)
