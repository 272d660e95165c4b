/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: greylisting
-- ------------------------------------------------------
-- Server version	10.11.19-MariaDB-0+deb12u1

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;

--
-- Table structure for table `attachments`
--

DROP TABLE IF EXISTS attachments;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE attachments (
  `name` varchar(80) NOT NULL,
  content longblob DEFAULT NULL,
  `a ``name``, odd` double DEFAULT -1.5,
  PRIMARY KEY (`name`),
  UNIQUE KEY both_of_them (`name`,`a ``name``, odd`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `attachments`
--

LOCK TABLES attachments WRITE;
/*!40000 ALTER TABLE attachments DISABLE KEYS */;
INSERT INTO attachments (name, content, `a ``name``, odd`) VALUES ('\'); -- ',0x787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878,NULL);
INSERT INTO attachments (name, content, `a ``name``, odd`) VALUES ('INSERT INTO `greylisting_data` VALUES (',0x00275C0A0D1A22602F2A,-1e300);
/*!40000 ALTER TABLE attachments ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `greylisting_data`
--

DROP TABLE IF EXISTS greylisting_data;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE greylisting_data (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  relay_ip varbinary(16) DEFAULT NULL,
  mail_from varchar(255) DEFAULT NULL,
  rcpt_to varchar(255) DEFAULT NULL,
  block_expires datetime NOT NULL,
  record_expires datetime NOT NULL,
  blocked_count int(10) unsigned NOT NULL DEFAULT 0,
  passed_count int(10) unsigned NOT NULL DEFAULT 0,
  aborted_count int(10) unsigned NOT NULL DEFAULT 0,
  create_time timestamp NOT NULL DEFAULT current_timestamp(),
  last_update timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  PRIMARY KEY (`id`),
  KEY relay_ip (relay_ip),
  KEY mail_from (mail_from(20)),
  KEY rcpt_to (rcpt_to(20))
) ENGINE=InnoDB AUTO_INCREMENT=13 DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `greylisting_data`
--

LOCK TABLES greylisting_data WRITE;
/*!40000 ALTER TABLE greylisting_data DISABLE KEYS */;
INSERT INTO greylisting_data (id, relay_ip, mail_from, rcpt_to, block_expires, record_expires, blocked_count, passed_count, aborted_count, create_time, last_update) VALUES (1,0xC0000201,'a@b.example','joe@example.net','2026-11-26 09:02:00','2026-11-26 17:20:00',2,0,0,'2026-11-26 09:00:00','2026-11-26 09:00:00');
INSERT INTO greylisting_data (id, relay_ip, mail_from, rcpt_to, block_expires, record_expires, blocked_count, passed_count, aborted_count, create_time, last_update) VALUES (2,0xC0000227,'o\'brien@d.example','joe@example.net','2026-11-26 09:00:00','2027-01-01 09:00:00',1,4,0,'2026-11-20 09:00:00','2026-11-26 09:00:00');
INSERT INTO greylisting_data (id, relay_ip, mail_from, rcpt_to, block_expires, record_expires, blocked_count, passed_count, aborted_count, create_time, last_update) VALUES (3,0xC000000A,'back\\slash\"	@d.example','j,o)e;@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 09:00:01','2026-11-26 09:00:00');
INSERT INTO greylisting_data (id, relay_ip, mail_from, rcpt_to, block_expires, record_expires, blocked_count, passed_count, aborted_count, create_time, last_update) VALUES (4,0x5C0D1A22,'','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 09:00:02','2026-11-26 09:00:00');
INSERT INTO greylisting_data (id, relay_ip, mail_from, rcpt_to, block_expires, record_expires, blocked_count, passed_count, aborted_count, create_time, last_update) VALUES (5,0x20010DB8000000000000000000000000,'m@b.example','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 09:00:03','2026-11-26 09:00:00');
INSERT INTO greylisting_data (id, relay_ip, mail_from, rcpt_to, block_expires, record_expires, blocked_count, passed_count, aborted_count, create_time, last_update) VALUES (6,0x20010DB8,'cut4@b.example','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 09:00:04','2026-11-26 09:00:00');
INSERT INTO greylisting_data (id, relay_ip, mail_from, rcpt_to, block_expires, record_expires, blocked_count, passed_count, aborted_count, create_time, last_update) VALUES (7,0xC000,'cut2@b.example','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 09:00:05','2026-11-26 09:00:00');
INSERT INTO greylisting_data (id, relay_ip, mail_from, rcpt_to, block_expires, record_expires, blocked_count, passed_count, aborted_count, create_time, last_update) VALUES (8,0x20010DB80001,'cut6@b.example','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 09:00:06','2026-11-26 09:00:00');
INSERT INTO greylisting_data (id, relay_ip, mail_from, rcpt_to, block_expires, record_expires, blocked_count, passed_count, aborted_count, create_time, last_update) VALUES (9,0xC0000209,'expired@b.example','joe@example.net','2026-11-20 09:00:00','2026-11-20 17:20:00',7,0,0,'2026-11-20 09:00:00','2026-11-26 09:00:00');
INSERT INTO greylisting_data (id, relay_ip, mail_from, rcpt_to, block_expires, record_expires, blocked_count, passed_count, aborted_count, create_time, last_update) VALUES (10,NULL,NULL,NULL,'2026-11-26 09:00:00','2026-11-26 17:20:00',0,0,0,'2026-11-26 09:00:00','2026-11-26 09:00:00');
INSERT INTO greylisting_data (id, relay_ip, mail_from, rcpt_to, block_expires, record_expires, blocked_count, passed_count, aborted_count, create_time, last_update) VALUES (11,0xC000020A,NULL,'joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',0,0,0,'2026-11-26 09:00:00','2026-11-26 09:00:00');
INSERT INTO greylisting_data (id, relay_ip, mail_from, rcpt_to, block_expires, record_expires, blocked_count, passed_count, aborted_count, create_time, last_update) VALUES (12,0xC000020B,'ümlaut@?','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',0,0,0,'2026-11-26 09:00:07','2026-11-26 09:00:00');
/*!40000 ALTER TABLE greylisting_data ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `greylisting_lists`
--

DROP TABLE IF EXISTS greylisting_lists;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE greylisting_lists (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  ipaddr varchar(43) DEFAULT NULL,
  ipaddr_start varbinary(16) DEFAULT NULL,
  ipaddr_end varbinary(16) DEFAULT NULL,
  ipaddr_prefixsize tinyint(3) unsigned DEFAULT NULL,
  rcpt_to varchar(255) DEFAULT NULL,
  block_expires datetime NOT NULL,
  record_expires datetime NOT NULL,
  create_time timestamp NOT NULL DEFAULT current_timestamp(),
  last_update timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  `comment` varchar(255) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=8 DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `greylisting_lists`
--

LOCK TABLES greylisting_lists WRITE;
/*!40000 ALTER TABLE greylisting_lists DISABLE KEYS */;
INSERT INTO greylisting_lists (id, ipaddr, ipaddr_start, ipaddr_end, ipaddr_prefixsize, rcpt_to, block_expires, record_expires, create_time, last_update, comment) VALUES (1,'127.0.0.1',0x7F000001,0x7F000001,NULL,NULL,'0000-00-00 00:00:00','9999-12-31 23:59:59','2026-11-26 09:00:00','2026-11-26 09:00:00','white, for ever; -- no comment');
INSERT INTO greylisting_lists (id, ipaddr, ipaddr_start, ipaddr_end, ipaddr_prefixsize, rcpt_to, block_expires, record_expires, create_time, last_update, comment) VALUES (2,'192.168.1.0/24',0xC0A80100,0xC0A80100,NULL,NULL,'9999-12-31 23:59:59','9999-12-31 23:59:59','2026-11-26 09:00:00','2026-11-26 09:00:00','black /* for */ ever');
INSERT INTO greylisting_lists (id, ipaddr, ipaddr_start, ipaddr_end, ipaddr_prefixsize, rcpt_to, block_expires, record_expires, create_time, last_update, comment) VALUES (3,'2001:0db8:85a3::/48',0x20010DB885A300000000000000000000,0x20010DB885A300000000000000000000,NULL,NULL,'9999-12-31 23:59:59','2026-12-01 00:00:00','2026-11-26 09:00:00','2026-11-26 09:00:00','black to the end of November');
INSERT INTO greylisting_lists (id, ipaddr, ipaddr_start, ipaddr_end, ipaddr_prefixsize, rcpt_to, block_expires, record_expires, create_time, last_update, comment) VALUES (4,NULL,NULL,NULL,NULL,'example.org','0000-00-00 00:00:00','9999-12-31 23:59:59','2026-11-26 09:00:00','2026-11-26 09:00:00','white by recipient');
INSERT INTO greylisting_lists (id, ipaddr, ipaddr_start, ipaddr_end, ipaddr_prefixsize, rcpt_to, block_expires, record_expires, create_time, last_update, comment) VALUES (5,'203.0.113.7',0xCB007107,0xCB007107,NULL,'example.com','2026-12-02 00:00:00','2026-12-31 23:59:59','2026-11-26 09:00:00','2026-11-26 09:00:00','either, to 2 December');
INSERT INTO greylisting_lists (id, ipaddr, ipaddr_start, ipaddr_end, ipaddr_prefixsize, rcpt_to, block_expires, record_expires, create_time, last_update, comment) VALUES (6,'203.0.113.8',0xCB007108,0xCB007108,NULL,NULL,'0000-00-00 00:00:00','2026-11-01 00:00:00','2026-11-26 09:00:00','2026-11-26 09:00:00','over');
INSERT INTO greylisting_lists (id, ipaddr, ipaddr_start, ipaddr_end, ipaddr_prefixsize, rcpt_to, block_expires, record_expires, create_time, last_update, comment) VALUES (7,NULL,NULL,NULL,NULL,NULL,'0000-00-00 00:00:00','9999-12-31 23:59:59','2026-11-26 09:00:00','2026-11-26 09:00:00','nobody');
/*!40000 ALTER TABLE greylisting_lists ENABLE KEYS */;
UNLOCK TABLES;
/*!50003 SET @saved_cs_client      = @@character_set_client */ ;
/*!50003 SET @saved_cs_results     = @@character_set_results */ ;
/*!50003 SET @saved_col_connection = @@collation_connection */ ;
/*!50003 SET character_set_client  = utf8mb3 */ ;
/*!50003 SET character_set_results = utf8mb3 */ ;
/*!50003 SET collation_connection  = utf8mb3_general_ci */ ;
/*!50003 SET @saved_sql_mode       = @@sql_mode */ ;
/*!50003 SET sql_mode              = '' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER greylisting_lists_insert BEFORE INSERT ON greylisting_lists FOR EACH ROW
BEGIN
  
  SET @statement = 'INSERT INTO greylisting_data VALUES (1)';
  SET NEW.ipaddr_start = INET6_ATON(SUBSTRING_INDEX(NEW.ipaddr, '/', 1));
  SET NEW.ipaddr_end = NEW.ipaddr_start;
END 
*/;;
DELIMITER ;
/*!50003 SET sql_mode              = @saved_sql_mode */ ;
/*!50003 SET character_set_client  = @saved_cs_client */ ;
/*!50003 SET character_set_results = @saved_cs_results */ ;
/*!50003 SET collation_connection  = @saved_col_connection */ ;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed
