/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: relaydelay
-- ------------------------------------------------------
-- Server version	10.11.19-MariaDB-0+deb12u1
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO,ANSI' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;

--
-- Table structure for table "dns_name"
--

DROP TABLE IF EXISTS "dns_name";
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE "dns_name" (
  "relay_ip" varchar(18) NOT NULL,
  "relay_name" varchar(255) NOT NULL,
  PRIMARY KEY ("relay_ip")
);
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table "dns_name"
--

LOCK TABLES "dns_name" WRITE;
/*!40000 ALTER TABLE "dns_name" DISABLE KEYS */;
REPLACE INTO "dns_name" VALUES
('192.0.2.1','elpmaxe.b.xm');
/*!40000 ALTER TABLE "dns_name" ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table "relaytofrom"
--

DROP TABLE IF EXISTS "relaytofrom";
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE "relaytofrom" (
  "id" bigint(20) NOT NULL AUTO_INCREMENT,
  "relay_ip" char(16) DEFAULT NULL,
  "mail_from" varchar(255) DEFAULT NULL,
  "rcpt_to" varchar(255) DEFAULT NULL,
  "block_expires" datetime NOT NULL,
  "record_expires" datetime NOT NULL,
  "blocked_count" bigint(20) NOT NULL DEFAULT 0,
  "passed_count" bigint(20) NOT NULL DEFAULT 0,
  "aborted_count" bigint(20) NOT NULL DEFAULT 0,
  "origin_type" enum('MANUAL','AUTO') NOT NULL,
  "create_time" datetime NOT NULL,
  "last_update" timestamp NOT NULL,
  PRIMARY KEY ("id"),
  KEY "relay_ip" ("relay_ip"),
  KEY "mail_from" ("mail_from"(20)),
  KEY "rcpt_to" ("rcpt_to"(20))
);
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table "relaytofrom"
--

LOCK TABLES "relaytofrom" WRITE;
/*!40000 ALTER TABLE "relaytofrom" DISABLE KEYS */;
REPLACE INTO "relaytofrom" VALUES
(1,'127.0.0.1',NULL,NULL,'0000-00-00 00:00:00','9999-12-31 23:59:59',0,0,0,'MANUAL','2026-11-26 10:00:00','2026-11-26 09:00:00'),
(2,'192.168',NULL,NULL,'0000-00-00 00:00:00','9999-12-31 23:59:59',0,0,0,'MANUAL','2026-11-26 10:00:00','2026-11-26 09:00:00'),
(3,'10',NULL,NULL,'0000-00-00 00:00:00','9999-12-31 23:59:59',0,0,0,'MANUAL','2026-11-26 10:00:00','2026-11-26 09:00:00'),
(4,NULL,NULL,'sales@example.net','0000-00-00 00:00:00','9999-12-31 23:59:59',0,0,0,'MANUAL','2026-11-26 10:00:00','2026-11-26 09:00:00'),
(5,NULL,'refund@tax.example',NULL,'0000-00-00 00:00:00','9999-12-31 23:59:59',0,0,0,'MANUAL','2026-11-26 10:00:00','2026-11-26 09:00:00'),
(6,NULL,'spam.example',NULL,'9999-12-31 23:59:59','9999-12-31 23:59:59',3,0,0,'MANUAL','2026-11-26 10:00:00','2026-11-26 09:00:00'),
(7,'65.61.136',NULL,NULL,'9999-12-31 23:59:59','9999-12-31 23:59:59',0,0,0,'MANUAL','2026-11-26 10:00:00','2026-11-26 09:00:00'),
(8,'192.0.2.7','a@b.example',NULL,'0000-00-00 00:00:00','9999-12-31 23:59:59',0,0,0,'MANUAL','2026-11-26 10:00:00','2026-11-26 09:00:00'),
(9,'192.0.2.1','<a@b.example>','<joe@example.net>','2026-11-26 10:58:00','2026-11-26 15:00:00',2,0,0,'AUTO','2026-11-26 10:00:00','2026-11-26 09:00:00'),
(10,'192.0.2.2','<p@b.example>','<joe@example.net>','2026-11-20 10:58:00','2027-01-01 10:00:00',1,5,1,'AUTO','2026-11-20 10:00:00','2026-11-26 09:00:00'),
(11,'192.0.2','<net@b.example>','<joe@example.net>','2026-11-20 10:58:00','2027-01-01 10:00:00',1,1,0,'AUTO','2026-11-20 10:00:00','2026-11-26 09:00:00'),
(12,NULL,'<reply@b.example>','<joe@example.net>','2026-11-26 10:00:00','2026-11-30 10:00:00',0,0,0,'AUTO','2026-11-26 10:00:00','2026-11-26 09:00:00'),
(13,'192.0.2.4','<>','<joe@example.net>','2026-11-26 10:58:00','2026-11-26 15:00:00',1,0,0,'AUTO','2026-11-26 10:00:04','2026-11-26 09:00:00'),
(14,'localhost','<a@b.example>','<joe@example.net>','2026-11-26 10:58:00','2026-11-26 15:00:00',1,0,0,'AUTO','2026-11-26 10:00:00','2026-11-26 09:00:00');
/*!40000 ALTER TABLE "relaytofrom" ENABLE KEYS */;
UNLOCK TABLES;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed
