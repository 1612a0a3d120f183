-- Store a template under a number, or find it. A version that is registered is never changed.
CREATE FUNCTION register_template(
    in_namespace text, in_name text, in_version text, in_definition jsonb, in_steps jsonb
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    found template;
    in_workflow_id integer;
BEGIN
    INSERT INTO workflow (namespace, name) VALUES (in_namespace, in_name) ON CONFLICT DO NOTHING;
    SELECT workflow_id INTO in_workflow_id FROM workflow WHERE namespace = in_namespace AND name = in_name
        FOR UPDATE; -- two processes that register one version at once take turns
    SELECT * INTO found FROM template WHERE workflow_id = in_workflow_id AND version = in_version;
    IF found IS NOT NULL THEN
        RETURN CASE WHEN found.definition = in_definition THEN found.template_id END;
    END IF;
    INSERT INTO handler (namespace, name)
        SELECT DISTINCT in_namespace, handler FROM jsonb_to_recordset(in_steps) AS step(handler text)
        ORDER BY handler -- or two that register at once wait for each other in a ring
        ON CONFLICT DO NOTHING;
    INSERT INTO template (workflow_id, version, definition, root_count, step_count)
        SELECT in_workflow_id, in_version, in_definition,
            count(*) FILTER (WHERE parents = '{}'), count(*)
        FROM jsonb_to_recordset(in_steps) AS step(parents smallint[])
        RETURNING * INTO found;
    INSERT INTO template_step
        SELECT found.template_id, position, step.name, kind, handler_id, max_attempts,
            parents, children, releases, may_create, worker, cloned
        FROM jsonb_to_recordset(in_steps) AS step(
            position smallint, name text, kind text, handler text, max_attempts smallint,
            parents smallint[], children smallint[], releases smallint[], may_create smallint[],
            worker smallint, cloned boolean
        )
        JOIN handler ON handler.namespace = in_namespace AND handler.name = step.handler;
    RETURN found.template_id;
END
$$;
