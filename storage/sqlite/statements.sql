-- Every statement of the store, by name. A group of question marks that ends in an ellipsis
-- is one row of many: the loader repeats it. A name in
-- braces stands for the part that is called so.

-- ---- being the owner ------------------------------------------------------------------

-- name: open_store
-- Count one more opening; from here on the store is in use.
UPDATE meta SET incarnation = incarnation + 1, clean = 0 WHERE id = 1;

-- name: get_meta
-- The row that is about the store itself.
SELECT incarnation, clean, suspect, last_batch, last_seq FROM meta WHERE id = 1;

-- name: counters
-- What each transaction counts one of.
SELECT incarnation, last_batch, probes FROM meta WHERE id = 1;

-- name: claim
-- The first statement of a small write: changes no row when another has opened the store.
UPDATE meta SET probes = probes + 1 WHERE id = 1 AND incarnation = :incarnation;

-- name: put_batch
-- The first statement of a commit: changes no row when another has opened the store.
UPDATE meta SET last_batch = ?, last_seq = ?, suspect = ? WHERE id = 1 AND incarnation = ?;

-- name: put_suspect
-- Name the message that is about to run alone.
UPDATE meta SET suspect = :message_id WHERE id = 1;

-- name: close_clean
-- Nothing was in hand when the owner let go.
UPDATE meta SET clean = 1, suspect = NULL WHERE id = 1;

-- ---- a commit -------------------------------------------------------------------------

-- name: find_conflicts
-- Streams of an object {stream: expected version} that are at another version. A stream
-- without a row is where its turns or its base end.
SELECT j.key,
       coalesce(
           a.version,
           max(
               coalesce(
                   (SELECT t.first_version + t.count - 1 FROM turns AS t
                    WHERE t.stream = j.key ORDER BY t.first_version DESC LIMIT 1),
                   0
               ),
               coalesce((SELECT b.version FROM bases AS b WHERE b.stream = j.key), 0)
           )
       ) AS held
FROM json_each(?) AS j LEFT JOIN actors AS a ON a.stream = j.key
WHERE held <> j.value;

-- name: erase_turns
-- Drop the whole histories of streams.
DELETE FROM turns WHERE stream IN (SELECT value FROM json_each(?));

-- name: erase_bases
-- Forget where the histories of streams began.
DELETE FROM bases WHERE stream IN (SELECT value FROM json_each(?));

-- name: insert_turns
-- Append turns.
INSERT INTO turns (seq, stream, first_version, count, time, crc, events)
VALUES (?, ?, ?, ?, ?, ?, ?)...;

-- name: put_states
-- Write the present rows of actors.
INSERT INTO actors (stream, version, time, crc, state)
VALUES (?, ?, ?, ?, ?)...
ON CONFLICT (stream) DO UPDATE SET
    version = excluded.version, time = excluded.time, crc = excluded.crc, state = excluded.state;

-- name: delete_states
-- Remove actors' rows; their turns stay.
DELETE FROM actors WHERE stream IN (SELECT value FROM json_each(?));

-- name: insert_messages
-- Accept messages.
INSERT INTO inbox (id, stream, due, attempts, body, crc) VALUES (?, ?, ?, ?, ?, ?)...;

-- name: delete_messages
-- Consume messages.
DELETE FROM inbox WHERE id IN (SELECT value FROM json_each(?));

-- name: put_outcomes
-- Remember outcomes of requests.
INSERT OR REPLACE INTO requests (request_id, digest, outcome, expires, crc)
VALUES (?, ?, ?, ?, ?)...;

-- name: insert_quarantined
-- Set messages aside.
INSERT INTO quarantine (id, stream, attempts, reason, time, body, crc)
VALUES (?, ?, ?, ?, ?, ?, ?)...;

-- ---- other writing --------------------------------------------------------------------

-- name: count_attempt
-- One more run of a waiting message with no other beside it.
UPDATE inbox SET attempts = max(attempts, 0) + 1 WHERE id = :message_id;

-- name: count_first_attempts
-- Several waiting messages are in hand together.
UPDATE inbox SET attempts = -1
WHERE attempts = 0 AND id IN (SELECT value FROM json_each(:message_ids));

-- name: set_attempts
-- What is known of waiting messages has changed.
UPDATE inbox SET attempts = :attempts
WHERE id IN (SELECT value FROM json_each(:message_ids));

-- name: quarantined_one
-- One message set aside.
SELECT id, CAST(stream AS BLOB), body, attempts, CAST(reason AS BLOB), time, crc
FROM quarantine WHERE id = :message_id;

-- name: discard
-- Forget a quarantined message.
DELETE FROM quarantine WHERE id = :message_id;

-- name: held_version
-- The version of one stream, with or without a row.
SELECT coalesce(
    (SELECT version FROM actors WHERE stream = :stream),
    max(
        coalesce(
            (SELECT first_version + count - 1 FROM turns WHERE stream = :stream
             ORDER BY first_version DESC LIMIT 1),
            0
        ),
        coalesce((SELECT version FROM bases WHERE stream = :stream), 0)
    )
);

-- name: put_base
-- Where a purged history begins; an earlier base never replaces a later one.
INSERT INTO bases (stream, version, time, crc, state) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (stream) DO UPDATE SET
    version = excluded.version, time = excluded.time, crc = excluded.crc, state = excluded.state
WHERE excluded.version >= bases.version;

-- name: purge_turns
-- Drop the oldest turns that end at or before a version.
DELETE FROM turns WHERE seq IN (
    SELECT seq FROM turns
    WHERE stream = :stream AND first_version <= :version
      AND first_version + count - 1 <= :version
    ORDER BY first_version LIMIT :limit
);

-- name: purge_outcomes
-- Drop outcomes that have expired.
DELETE FROM requests WHERE request_id IN (
    SELECT request_id FROM requests WHERE expires <= :now ORDER BY expires LIMIT :limit
);

-- ---- reading --------------------------------------------------------------------------

-- name: load_states
-- The rows of many actors at once.
SELECT j.value, a.version, a.time, a.crc, a.state
FROM json_each(:streams) AS j CROSS JOIN actors AS a ON a.stream = j.value;

-- name: load_versions
-- Where the turns and the bases of streams end.
SELECT j.value,
       max(
           coalesce(
               (SELECT t.first_version + t.count - 1 FROM turns AS t
                WHERE t.stream = j.value ORDER BY t.first_version DESC LIMIT 1),
               0
           ),
           coalesce((SELECT b.version FROM bases AS b WHERE b.stream = j.value), 0)
       )
FROM json_each(:streams) AS j;

-- name: load_messages
-- The due messages of many actors at once.
SELECT i.id, j.value, i.due, i.body, i.attempts, i.crc
FROM json_each(:streams) AS j CROSS JOIN inbox AS i ON i.stream = j.value
WHERE i.due <= :now ORDER BY i.id;

-- name: messages
-- Waiting messages by their ids, whatever their streams have become.
SELECT i.id, CAST(i.stream AS BLOB), i.due, i.body, i.attempts, i.crc
FROM json_each(:message_ids) AS j CROSS JOIN inbox AS i ON i.id = j.value ORDER BY i.id;

-- name: all_messages
-- A page of all waiting messages.
SELECT id, CAST(stream AS BLOB), due, body, attempts, crc FROM inbox
WHERE id > :after ORDER BY id LIMIT :limit;

-- name: due
-- Waiting messages in the order of their due times: the rest of those due at the same time as
-- the last one, then the later ones. One condition on (due, id) would use the index for due
-- alone, and read a million messages that are due at once again for each page.
SELECT * FROM (
    SELECT due, id, CAST(stream AS BLOB) FROM inbox
    WHERE due = :due AND due <= :until AND id > :id ORDER BY id LIMIT :limit
)
UNION ALL
SELECT * FROM (
    SELECT due, id, CAST(stream AS BLOB) FROM inbox
    WHERE due > :due AND due <= :until ORDER BY due, id LIMIT :limit
)
ORDER BY due, id LIMIT :limit;

-- name: next_due
-- The earliest due time after another.
SELECT min(due) FROM inbox WHERE due > :after;

-- name: outcomes
-- Remembered outcomes that have not expired.
SELECT r.request_id, r.digest, r.outcome, r.expires, r.crc
FROM json_each(:request_ids) AS j CROSS JOIN requests AS r ON r.request_id = j.value
WHERE r.expires > :now;

-- name: all_outcomes
-- A page of all remembered outcomes.
SELECT CAST(request_id AS BLOB), digest, outcome, expires, crc FROM requests
WHERE request_id > CAST(:after AS TEXT) ORDER BY request_id LIMIT :limit;

-- name: state
-- One actor's row, with its waiting messages counted.
SELECT stream, version, time, crc, state,
       (SELECT count(*) FROM inbox WHERE inbox.stream = actors.stream)
FROM actors WHERE stream = :stream;

-- name: states
-- A page of actors' rows between two streams; a blob as the end is beyond every text.
SELECT stream, version, time, crc, state,
       (SELECT count(*) FROM inbox WHERE inbox.stream = actors.stream)
FROM actors
WHERE stream >= :first AND stream < :end AND stream <> :after
  AND (:modified_from IS NULL OR time >= :modified_from)
  AND (:modified_to IS NULL OR time <= :modified_to)
ORDER BY stream LIMIT :limit;

-- name: base
-- Where a stream's history begins.
SELECT stream, version, time, crc, state FROM bases WHERE stream = :stream;

-- name: turns
-- A page of a stream's turns, from the one that holds the version after another.
SELECT seq, stream, first_version, count, time, crc, events FROM turns
WHERE stream = :stream
  AND first_version >= coalesce(
      (SELECT max(first_version) FROM turns
       WHERE stream = :stream AND first_version <= :after + 1),
      0
  )
  AND first_version + count - 1 > :after
ORDER BY first_version LIMIT :limit;

-- name: pasts
-- All turns of several streams, one stream after the other; the whole is never sorted.
SELECT t.seq, t.stream, t.first_version, t.count, t.time, t.crc, t.events
FROM json_each(:streams) AS j CROSS JOIN turns AS t ON t.stream = j.value;

-- name: feed
-- A page of all turns in the order of the store.
SELECT seq, stream, first_version, count, time, crc, events FROM turns
WHERE seq > :after ORDER BY seq LIMIT :limit;

-- name: turn_times
-- A page of all turns in the order of the store, without what is in them.
SELECT seq, stream, time FROM turns WHERE seq > :after ORDER BY seq LIMIT :limit;

-- name: newest_turns
-- A page of turns, the newest first, without what is in them.
SELECT seq, CAST(stream AS BLOB) FROM turns
WHERE seq < coalesce(:before, 9223372036854775807) ORDER BY seq DESC LIMIT :limit;

-- name: newest_turns_of
-- The same, of the streams between two. All that is read of their turns is the index, so it
-- does not matter how many turns of others are newer.
SELECT seq, CAST(stream AS BLOB) FROM turns INDEXED BY turns_of_stream
WHERE stream >= :first AND stream < :end AND seq < coalesce(:before, 9223372036854775807)
ORDER BY seq DESC LIMIT :limit;

-- part: is_wanted
-- What the searches below ask of a row. No JSON is read where nothing is asked of it.
(:text IS NULL OR instr(state, :text) > 0) AND CASE
    WHEN :member IS NULL AND :other IS NULL AND :number IS NULL THEN 1
    WHEN NOT json_valid(CAST(state AS TEXT)) THEN 0
    ELSE (:member IS NULL OR json_extract(CAST(state AS TEXT), :member) COLLATE NOCASE
              IN (SELECT value FROM json_each(:values)))
     AND (:other IS NULL OR json_extract(CAST(state AS TEXT), :other) COLLATE NOCASE
              IN (SELECT value FROM json_each(:other_values)))
     AND (:number IS NULL
          OR json_extract(CAST(state AS TEXT), :number) BETWEEN :least AND :most)
END;

-- name: end_of_search
-- The last of so many rows, so that one search does not look at more.
SELECT stream FROM actors WHERE stream >= :first AND stream < :end AND stream <> :after
ORDER BY stream LIMIT 1 OFFSET :looked_at;

-- name: search
-- Rows between two streams that have what is wanted.
SELECT stream, version, time, crc, state, 0 FROM actors
WHERE stream >= :first AND stream < :end AND stream <> :after AND stream <= :last
  AND {is_wanted}
ORDER BY stream LIMIT :limit;

-- name: newest_states
-- Such rows beside a range, those that were written last first. All of them are looked at, of
-- each no more than its beginning where nothing is asked of its JSON.
SELECT a.stream, a.version, a.time, a.crc, a.state, 0
FROM (
    SELECT stream FROM actors
    WHERE (stream < :first OR stream >= :end) AND stream >= :prefix AND stream < :prefix_end
      AND (time < :time OR (time = :time AND stream > :after))
      AND {is_wanted}
    ORDER BY time DESC, stream LIMIT :limit
) AS page CROSS JOIN actors AS a ON a.stream = page.stream
ORDER BY a.time DESC, a.stream;

-- name: count_rows
-- How many rows there are between two streams; a blob as the end is beyond every text.
SELECT count(*) FROM actors WHERE stream >= :first AND stream < :end;

-- name: tally
-- Rows before and after a range of streams, by a member of their JSON. A column beside min()
-- is of the row that has the minimum.
SELECT said, count(*), min(least), CAST(stream AS BLOB) FROM (
    SELECT stream, json_extract(text, :member) AS said, json_extract(text, :least) AS least
    FROM (
        SELECT stream, CAST(state AS TEXT) AS text FROM actors
        WHERE stream < :first OR stream >= :end
    )
    WHERE json_valid(text)
)
WHERE said IS NOT NULL GROUP BY said ORDER BY said;

-- name: quarantined
-- A page of messages set aside.
SELECT id, CAST(stream AS BLOB), body, attempts, CAST(reason AS BLOB), time, crc
FROM quarantine
WHERE id > :after ORDER BY id LIMIT :limit;

-- name: waiting
-- How many messages wait, in all.
SELECT count(*) FROM inbox;

-- name: waiting_of
-- How many messages wait for one actor.
SELECT count(*) FROM inbox WHERE stream = :stream;

-- name: streams
-- A page of every stream there is. The recursion jumps from stream to stream over the index
-- of the turns, so that a stream with a million turns costs one step.
WITH RECURSIVE with_turns (stream, place) AS (
    SELECT min(stream), 1 FROM turns WHERE stream > :after
    UNION ALL
    SELECT (SELECT min(t.stream) FROM turns AS t WHERE t.stream > with_turns.stream), place + 1
    FROM with_turns WHERE stream IS NOT NULL AND place < :limit
)
SELECT stream FROM with_turns WHERE stream IS NOT NULL
UNION
SELECT stream FROM (SELECT stream FROM actors WHERE stream > :after ORDER BY stream LIMIT :limit)
UNION
SELECT stream FROM (SELECT stream FROM bases WHERE stream > :after ORDER BY stream LIMIT :limit)
ORDER BY stream LIMIT :limit;
