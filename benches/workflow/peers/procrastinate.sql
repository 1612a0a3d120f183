CREATE FUNCTION tell_of_workflow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('workflow_done', NEW.args ->> 'workflow');
    RETURN NULL;
END
$$;

CREATE TRIGGER tell_of_workflow AFTER UPDATE OF status ON procrastinate_jobs
FOR EACH ROW WHEN (NEW.status = 'succeeded' AND NEW.task_name = 'linear:third')
EXECUTE FUNCTION tell_of_workflow();
