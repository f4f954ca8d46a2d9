-- A store with one more migration, brought up from the first version. Never change this file.
PRAGMA application_id = 1347568722;
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'perdure.storage','0001_first_tables','2026-11-24 06:57:41.292999+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'perdure.storage','0002_more_checksums','2026-11-24 08:48:35.461117+00:00');
CREATE TABLE actors (
        stream TEXT PRIMARY KEY NOT NULL,
        version INTEGER NOT NULL,
        time INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        state BLOB NOT NULL
    ) STRICT;
INSERT INTO "actors" VALUES('@cart@é"\''',2,1,2086712795,X'7B7D');
CREATE TABLE bases (
        stream TEXT PRIMARY KEY NOT NULL,
        version INTEGER NOT NULL,
        time INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        state BLOB
    ) STRICT;
CREATE TABLE inbox (
        id INTEGER PRIMARY KEY,
        stream TEXT NOT NULL,
        due INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        body BLOB NOT NULL
    , crc INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "inbox" VALUES(1,'@cart@é"\''',0,0,X'626F64792031',94263156);
CREATE TABLE meta (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        incarnation INTEGER NOT NULL,
        clean INTEGER NOT NULL,
        suspect INTEGER,
        last_batch INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        probes INTEGER NOT NULL
    ) STRICT;
INSERT INTO "meta" VALUES(1,1,1,NULL,2,2,1);
CREATE TABLE quarantine (
        id INTEGER PRIMARY KEY,
        stream TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        reason TEXT NOT NULL,
        time INTEGER NOT NULL,
        body BLOB NOT NULL
    , crc INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "quarantine" VALUES(9,'@cart@é"\''',3,'it fails',1,X'626F64792039',2407975622);
CREATE TABLE requests (
        request_id TEXT PRIMARY KEY NOT NULL,
        digest BLOB NOT NULL,
        outcome BLOB NOT NULL,
        expires INTEGER NOT NULL
    , crc INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
INSERT INTO "requests" VALUES('r1',X'646967657374',X'646F6E65',100,3941942637);
CREATE TABLE turns (
        seq INTEGER PRIMARY KEY,
        stream TEXT NOT NULL,
        first_version INTEGER NOT NULL,
        count INTEGER NOT NULL,
        time INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        events BLOB NOT NULL
    ) STRICT;
INSERT INTO "turns" VALUES(1,'@cart@é"\''',1,1,1,4160174978,X'5B315D');
INSERT INTO "turns" VALUES(2,'@cart@é"\''',2,1,1,1381330850,X'5B325D');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE UNIQUE INDEX turns_of_stream ON turns (stream, first_version);
CREATE INDEX inbox_by_due ON inbox (due);
CREATE INDEX inbox_by_stream ON inbox (stream);
CREATE INDEX requests_by_expiry ON requests (expires);
COMMIT;
