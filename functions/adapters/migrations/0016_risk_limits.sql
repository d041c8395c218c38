-- Limits as they were loaded, each version whole and for good; the greatest number is in force.

CREATE TABLE risk_limits (
    number    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version   text COLLATE "C" NOT NULL,                      -- digest of the content, as decisions name it
    content   bytea NOT NULL,                                 -- the file (JSON), byte for byte
    loaded_at timestamptz NOT NULL DEFAULT now()
);

-- A switch stops an account, a desk, or with neither named all.
ALTER TABLE risk_kill_switch ADD COLUMN desk text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE risk_kill_switch DROP CONSTRAINT risk_kill_switch_pkey;
ALTER TABLE risk_kill_switch ADD PRIMARY KEY (account, desk);
ALTER TABLE risk_kill_switch ADD CHECK (account = '' OR desk = '');
