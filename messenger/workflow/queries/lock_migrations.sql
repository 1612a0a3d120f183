-- One process at a time, until its transaction ends; the number is ours alone: "messenge" in ASCII.
SELECT pg_advisory_xact_lock(x'6d657373656e6765'::bigint)
