-- Once for each connection. SNAPSHOT reads targets and downloads as of one moment without a lock on either;
-- a statement of ours that waits for a lock gives up before a target's poll could notice, and loses every deadlock.
SET NOCOUNT ON;
SET XACT_ABORT OFF;
-- A warning of NULLs left out of an aggregate would stand in @@ERROR of the closing row.
SET ANSI_WARNINGS OFF;
SET LOCK_TIMEOUT 500;
SET DEADLOCK_PRIORITY LOW;
SET TRANSACTION ISOLATION LEVEL SNAPSHOT;
