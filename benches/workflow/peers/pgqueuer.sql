CREATE FUNCTION tell_of_workflow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('workflow_done', convert_from(OLD.payload, 'UTF8')::jsonb ->> 0);
    RETURN NULL;
END
$$;

CREATE TRIGGER tell_of_workflow AFTER DELETE ON pgqueuer
FOR EACH ROW WHEN (OLD.entrypoint = 'third')
EXECUTE FUNCTION tell_of_workflow();
