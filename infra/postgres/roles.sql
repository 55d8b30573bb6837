-- The roles of one cluster. Idempotent; run as a superuser.
--   writ_owner            owns databases, schemas and tables; runs migrations, never serves
--   <schema>_api          answers requests: row security binds it to one organisation
--   <schema>_writer       the loops: relay, projections, appender
--   ledger_operator       may take months of the ledger out; to be granted to a person's role
-- No service role owns a table, so forced row security holds for all of them.
DO $$
DECLARE
    name text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'writ_owner') THEN
        CREATE ROLE writ_owner LOGIN CREATEDB NOSUPERUSER NOCREATEROLE NOBYPASSRLS;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ledger_operator') THEN
        CREATE ROLE ledger_operator NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    END IF;
    FOREACH name IN ARRAY ARRAY[
        'control_api', 'control_writer',
        'ledger_api', 'ledger_writer',
        'anomaly_api', 'anomaly_writer',
        'approval_api', 'approval_writer',
        'notifier_api', 'notifier_writer'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format(
                'CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', name);
        END IF;
    END LOOP;
END $$;
