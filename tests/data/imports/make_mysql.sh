#!/bin/sh
# Makes the samples *.sql and *.batch beside it: tables as qmail-spp's greylisting and relaydelay have
# them, with odd content, as Debian's MariaDB dumps them. The server's time zone is not UTC.
# usage: make_mysql.sh        needs mariadb-server
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
server=
cleanup() {
    [ -z "$server" ] || kill "$server" || :
    wait
    rm -rf "$work"
}
trap cleanup EXIT
export TZ=Europe/Vienna

user=$(id -un)
mariadb-install-db --no-defaults --user="$user" --datadir="$work/data" --auth-root-authentication-method=normal >/dev/null
mariadbd --no-defaults --user="$user" --datadir="$work/data" --socket="$work/socket" --skip-networking >"$work/log" 2>&1 &
server=$!
sql() { mariadb --no-defaults -u root -S "$work/socket" "$@"; }
dump() { mariadb-dump --no-defaults -u root -S "$work/socket" --skip-dump-date "$@"; }
until sql -e 'SELECT 1' >/dev/null 2>&1; do
    kill -0 "$server" || { cat "$work/log" >&2; exit 111; }
    sleep 0.2
done

sql <<'EOF'
SET sql_mode = '';
CREATE DATABASE greylisting;
USE greylisting;
CREATE TABLE greylisting_data (
  id bigint unsigned NOT NULL AUTO_INCREMENT,
  relay_ip varbinary(16),
  mail_from varchar(255) DEFAULT NULL,
  rcpt_to varchar(255) DEFAULT NULL,
  block_expires datetime NOT NULL,
  record_expires datetime NOT NULL,
  blocked_count int unsigned NOT NULL DEFAULT 0,
  passed_count int unsigned NOT NULL DEFAULT 0,
  aborted_count int unsigned NOT NULL DEFAULT 0,
  create_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  last_update timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (id), KEY relay_ip (relay_ip), KEY mail_from (mail_from(20)), KEY rcpt_to (rcpt_to(20))
) DEFAULT CHARSET=latin1;
-- The two expiry columns are UTC; the timestamps are given in local time, an hour before it.
INSERT INTO greylisting_data VALUES
 (0, INET6_ATON('192.0.2.1'), 'a@b.example', 'joe@example.net', '2026-11-26 09:02:00', '2026-11-26 17:20:00', 2, 0, 0, '2026-11-26 10:00:00', '2026-11-26 10:00:00'),
 (0, INET6_ATON('192.0.2.39'), 'o''brien@d.example', 'joe@example.net', '2026-11-26 09:00:00', '2027-01-01 09:00:00', 1, 4, 0, '2026-11-20 10:00:00', '2026-11-26 10:00:00'),
 (0, INET6_ATON('192.0.0.10'), 'back\\slash"\t@d.example', 'j,o)e;@example.net', '2026-11-26 09:00:00', '2026-11-26 17:20:00', 1, 0, 0, '2026-11-26 10:00:01', '2026-11-26 10:00:00'),
 (0, INET6_ATON('92.13.26.34'), '', 'joe@example.net', '2026-11-26 09:00:00', '2026-11-26 17:20:00', 1, 0, 0, '2026-11-26 10:00:02', '2026-11-26 10:00:00'),
 (0, INET6_ATON('2001:db8::'), 'm@b.example', 'joe@example.net', '2026-11-26 09:00:00', '2026-11-26 17:20:00', 1, 0, 0, '2026-11-26 10:00:03', '2026-11-26 10:00:00'),
 (0, X'20010db8', 'cut4@b.example', 'joe@example.net', '2026-11-26 09:00:00', '2026-11-26 17:20:00', 1, 0, 0, '2026-11-26 10:00:04', '2026-11-26 10:00:00'),
 (0, X'c000', 'cut2@b.example', 'joe@example.net', '2026-11-26 09:00:00', '2026-11-26 17:20:00', 1, 0, 0, '2026-11-26 10:00:05', '2026-11-26 10:00:00'),
 (0, X'20010db80001', 'cut6@b.example', 'joe@example.net', '2026-11-26 09:00:00', '2026-11-26 17:20:00', 1, 0, 0, '2026-11-26 10:00:06', '2026-11-26 10:00:00'),
 (0, INET6_ATON('192.0.2.9'), 'expired@b.example', 'joe@example.net', '2026-11-20 09:00:00', '2026-11-20 17:20:00', 7, 0, 0, '2026-11-20 10:00:00', '2026-11-26 10:00:00'),
 (0, NULL, NULL, NULL, '2026-11-26 09:00:00', '2026-11-26 17:20:00', 0, 0, 0, '2026-11-26 10:00:00', '2026-11-26 10:00:00'),
 (0, INET6_ATON('192.0.2.10'), NULL, 'joe@example.net', '2026-11-26 09:00:00', '2026-11-26 17:20:00', 0, 0, 0, '2026-11-26 10:00:00', '2026-11-26 10:00:00'),
 (0, INET6_ATON('192.0.2.11'), X'fc6d6c617574403f', 'joe@example.net', '2026-11-26 09:00:00', '2026-11-26 17:20:00', 0, 0, 0, '2026-11-26 10:00:07', '2026-11-26 10:00:00');
CREATE TABLE greylisting_lists (
  id int unsigned NOT NULL AUTO_INCREMENT,
  ipaddr varchar(43),
  ipaddr_start varbinary(16),
  ipaddr_end varbinary(16),
  ipaddr_prefixsize tinyint unsigned,
  rcpt_to varchar(255) DEFAULT NULL,
  block_expires datetime NOT NULL,
  record_expires datetime NOT NULL,
  create_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  last_update timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  comment varchar(255) NOT NULL,
  PRIMARY KEY (id)
);
DELIMITER ;;
CREATE TRIGGER greylisting_lists_insert BEFORE INSERT ON greylisting_lists FOR EACH ROW
BEGIN
  -- not data:
  SET @statement = 'INSERT INTO greylisting_data VALUES (1)';
  SET NEW.ipaddr_start = INET6_ATON(SUBSTRING_INDEX(NEW.ipaddr, '/', 1));
  SET NEW.ipaddr_end = NEW.ipaddr_start;
END ;;
DELIMITER ;
INSERT INTO greylisting_lists VALUES
 (0, '127.0.0.1', NULL, NULL, NULL, NULL, '0000-00-00 00:00:00', '9999-12-31 23:59:59', '2026-11-26 10:00:00', '2026-11-26 10:00:00', 'white, for ever; -- no comment'),
 (0, '192.168.1.0/24', NULL, NULL, NULL, NULL, '9999-12-31 23:59:59', '9999-12-31 23:59:59', '2026-11-26 10:00:00', '2026-11-26 10:00:00', 'black /* for */ ever'),
 (0, '2001:0db8:85a3::/48', NULL, NULL, NULL, NULL, '9999-12-31 23:59:59', '2026-12-01 00:00:00', '2026-11-26 10:00:00', '2026-11-26 10:00:00', 'black to the end of November'),
 (0, NULL, NULL, NULL, NULL, 'example.org', '0000-00-00 00:00:00', '9999-12-31 23:59:59', '2026-11-26 10:00:00', '2026-11-26 10:00:00', 'white by recipient'),
 (0, '203.0.113.7', NULL, NULL, NULL, 'example.com', '2026-12-02 00:00:00', '2026-12-31 23:59:59', '2026-11-26 10:00:00', '2026-11-26 10:00:00', 'either, to 2 December'),
 (0, '203.0.113.8', NULL, NULL, NULL, NULL, '0000-00-00 00:00:00', '2026-11-01 00:00:00', '2026-11-26 10:00:00', '2026-11-26 10:00:00', 'over'),
 (0, NULL, NULL, NULL, NULL, NULL, '0000-00-00 00:00:00', '9999-12-31 23:59:59', '2026-11-26 10:00:00', '2026-11-26 10:00:00', 'nobody');
CREATE TABLE attachments (
  name varchar(80) NOT NULL, content longblob, `a ``name``, odd` double DEFAULT -1.5,
  PRIMARY KEY (name), UNIQUE KEY both_of_them (name, `a ``name``, odd`)
);
INSERT INTO attachments VALUES
 ('INSERT INTO `greylisting_data` VALUES (', X'00275c0a0d1a22602f2a', -1e300), ('''); -- ', REPEAT('x', 300), NULL);

CREATE DATABASE relaydelay;
USE relaydelay;
CREATE TABLE relaytofrom (
  id bigint NOT NULL AUTO_INCREMENT,
  relay_ip char(16),
  mail_from varchar(255),
  rcpt_to varchar(255),
  block_expires datetime NOT NULL,
  record_expires datetime NOT NULL,
  blocked_count bigint DEFAULT 0 NOT NULL,
  passed_count bigint DEFAULT 0 NOT NULL,
  aborted_count bigint DEFAULT 0 NOT NULL,
  origin_type enum('MANUAL','AUTO') NOT NULL,
  create_time datetime NOT NULL,
  last_update timestamp NOT NULL,
  PRIMARY KEY (id), KEY relay_ip (relay_ip), KEY mail_from (mail_from(20)), KEY rcpt_to (rcpt_to(20))
) ENGINE=MyISAM;
INSERT INTO relaytofrom VALUES
 (0, '127.0.0.1', NULL, NULL, '0000-00-00 00:00:00', '9999-12-31 23:59:59', 0, 0, 0, 'MANUAL', '2026-11-26 10:00:00', '2026-11-26 10:00:00'),
 (0, '192.168', NULL, NULL, '0000-00-00 00:00:00', '9999-12-31 23:59:59', 0, 0, 0, 'MANUAL', '2026-11-26 10:00:00', '2026-11-26 10:00:00'),
 (0, '10', NULL, NULL, '0000-00-00 00:00:00', '9999-12-31 23:59:59', 0, 0, 0, 'MANUAL', '2026-11-26 10:00:00', '2026-11-26 10:00:00'),
 (0, NULL, NULL, 'sales@example.net', '0000-00-00 00:00:00', '9999-12-31 23:59:59', 0, 0, 0, 'MANUAL', '2026-11-26 10:00:00', '2026-11-26 10:00:00'),
 (0, NULL, 'refund@tax.example', NULL, '0000-00-00 00:00:00', '9999-12-31 23:59:59', 0, 0, 0, 'MANUAL', '2026-11-26 10:00:00', '2026-11-26 10:00:00'),
 (0, NULL, 'spam.example', NULL, '9999-12-31 23:59:59', '9999-12-31 23:59:59', 3, 0, 0, 'MANUAL', '2026-11-26 10:00:00', '2026-11-26 10:00:00'),
 (0, '65.61.136', NULL, NULL, '9999-12-31 23:59:59', '9999-12-31 23:59:59', 0, 0, 0, 'MANUAL', '2026-11-26 10:00:00', '2026-11-26 10:00:00'),
 (0, '192.0.2.7', 'a@b.example', NULL, '0000-00-00 00:00:00', '9999-12-31 23:59:59', 0, 0, 0, 'MANUAL', '2026-11-26 10:00:00', '2026-11-26 10:00:00'),
 (0, '192.0.2.1', '<a@b.example>', '<joe@example.net>', '2026-11-26 10:58:00', '2026-11-26 15:00:00', 2, 0, 0, 'AUTO', '2026-11-26 10:00:00', '2026-11-26 10:00:00'),
 (0, '192.0.2.2', '<p@b.example>', '<joe@example.net>', '2026-11-20 10:58:00', '2027-01-01 10:00:00', 1, 5, 1, 'AUTO', '2026-11-20 10:00:00', '2026-11-26 10:00:00'),
 (0, '192.0.2', '<net@b.example>', '<joe@example.net>', '2026-11-20 10:58:00', '2027-01-01 10:00:00', 1, 1, 0, 'AUTO', '2026-11-20 10:00:00', '2026-11-26 10:00:00'),
 (0, NULL, '<reply@b.example>', '<joe@example.net>', '2026-11-26 10:00:00', '2026-11-30 10:00:00', 0, 0, 0, 'AUTO', '2026-11-26 10:00:00', '2026-11-26 10:00:00'),
 (0, '192.0.2.4', '<>', '<joe@example.net>', '2026-11-26 10:58:00', '2026-11-26 15:00:00', 1, 0, 0, 'AUTO', '2026-11-26 10:00:04', '2026-11-26 10:00:00'),
 (0, 'localhost', '<a@b.example>', '<joe@example.net>', '2026-11-26 10:58:00', '2026-11-26 15:00:00', 1, 0, 0, 'AUTO', '2026-11-26 10:00:00', '2026-11-26 10:00:00');
CREATE TABLE dns_name (relay_ip varchar(18) NOT NULL, relay_name varchar(255) NOT NULL, PRIMARY KEY (relay_ip));
INSERT INTO dns_name VALUES ('192.0.2.1', 'elpmaxe.b.xm');
EOF

dump greylisting >mysqldump.sql
dump --hex-blob --complete-insert --skip-extended-insert --skip-quote-names greylisting >hex_complete.sql
dump --compact --skip-tz-utc --no-create-info greylisting greylisting_data greylisting_lists >compact_local.sql
dump --all-databases --ignore-database=mysql --ignore-database=sys >both_databases.sql
dump --replace --compatible=ansi relaydelay >relaydelay_ansi.sql 2>/dev/null || dump --replace relaydelay >relaydelay_ansi.sql
sql --batch -e 'SELECT * FROM greylisting_data' greylisting >greylisting_data.batch
sql --batch -e 'SELECT * FROM greylisting_lists; SELECT comment, record_expires, block_expires, rcpt_to, ipaddr FROM greylisting_lists' greylisting >greylisting_lists.batch
sql --batch -e 'SELECT * FROM relaytofrom' relaydelay >relaytofrom.batch
