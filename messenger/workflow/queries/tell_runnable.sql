SELECT pg_notify('messenger_runnable', handler_id::text) FROM unnest(%s::integer[]) AS handler_id
