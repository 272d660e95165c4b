/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: 
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
-- Current Database: `greylisting`
--

CREATE DATABASE /*!32312 IF NOT EXISTS*/ `greylisting` /*!40100 DEFAULT CHARACTER SET latin1 COLLATE latin1_swedish_ci */;

USE `greylisting`;

--
-- Table structure for table `attachments`
--

DROP TABLE IF EXISTS `attachments`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `attachments` (
  `name` varchar(80) NOT NULL,
  `content` longblob DEFAULT NULL,
  `a ``name``, odd` double DEFAULT -1.5,
  PRIMARY KEY (`name`),
  UNIQUE KEY `both_of_them` (`name`,`a ``name``, odd`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `attachments`
--

LOCK TABLES `attachments` WRITE;
/*!40000 ALTER TABLE `attachments` DISABLE KEYS */;
INSERT INTO `attachments` VALUES
('\'); -- ','xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',NULL),
('INSERT INTO `greylisting_data` VALUES (','\0\'\\\n\r\Z\"`/*',-1e300);
/*!40000 ALTER TABLE `attachments` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `greylisting_data`
--

DROP TABLE IF EXISTS `greylisting_data`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `greylisting_data` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `relay_ip` varbinary(16) DEFAULT NULL,
  `mail_from` varchar(255) DEFAULT NULL,
  `rcpt_to` varchar(255) DEFAULT NULL,
  `block_expires` datetime NOT NULL,
  `record_expires` datetime NOT NULL,
  `blocked_count` int(10) unsigned NOT NULL DEFAULT 0,
  `passed_count` int(10) unsigned NOT NULL DEFAULT 0,
  `aborted_count` int(10) unsigned NOT NULL DEFAULT 0,
  `create_time` timestamp NOT NULL DEFAULT current_timestamp(),
  `last_update` timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  PRIMARY KEY (`id`),
  KEY `relay_ip` (`relay_ip`),
  KEY `mail_from` (`mail_from`(20)),
  KEY `rcpt_to` (`rcpt_to`(20))
) ENGINE=InnoDB AUTO_INCREMENT=13 DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `greylisting_data`
--

LOCK TABLES `greylisting_data` WRITE;
/*!40000 ALTER TABLE `greylisting_data` DISABLE KEYS */;
INSERT INTO `greylisting_data` VALUES
(1,'À\0','a@b.example','joe@example.net','2026-11-26 09:02:00','2026-11-26 17:20:00',2,0,0,'2026-11-26 09:00:00','2026-11-26 09:00:00'),
(2,'À\0\'','o\'brien@d.example','joe@example.net','2026-11-26 09:00:00','2027-01-01 09:00:00',1,4,0,'2026-11-20 09:00:00','2026-11-26 09:00:00'),
(3,'À\0\0\n','back\\slash\"	@d.example','j,o)e;@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 09:00:01','2026-11-26 09:00:00'),
(4,'\\\r\Z\"','','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 09:00:02','2026-11-26 09:00:00'),
(5,' \r¸\0\0\0\0\0\0\0\0\0\0\0\0','m@b.example','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 09:00:03','2026-11-26 09:00:00'),
(6,' \r¸','cut4@b.example','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 09:00:04','2026-11-26 09:00:00'),
(7,'À\0','cut2@b.example','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 09:00:05','2026-11-26 09:00:00'),
(8,' \r¸\0','cut6@b.example','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 09:00:06','2026-11-26 09:00:00'),
(9,'À\0	','expired@b.example','joe@example.net','2026-11-20 09:00:00','2026-11-20 17:20:00',7,0,0,'2026-11-20 09:00:00','2026-11-26 09:00:00'),
(10,NULL,NULL,NULL,'2026-11-26 09:00:00','2026-11-26 17:20:00',0,0,0,'2026-11-26 09:00:00','2026-11-26 09:00:00'),
(11,'À\0\n',NULL,'joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',0,0,0,'2026-11-26 09:00:00','2026-11-26 09:00:00'),
(12,'À\0','Ã¼mlaut@?','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',0,0,0,'2026-11-26 09:00:07','2026-11-26 09:00:00');
/*!40000 ALTER TABLE `greylisting_data` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `greylisting_lists`
--

DROP TABLE IF EXISTS `greylisting_lists`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `greylisting_lists` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `ipaddr` varchar(43) DEFAULT NULL,
  `ipaddr_start` varbinary(16) DEFAULT NULL,
  `ipaddr_end` varbinary(16) DEFAULT NULL,
  `ipaddr_prefixsize` tinyint(3) unsigned DEFAULT NULL,
  `rcpt_to` varchar(255) DEFAULT NULL,
  `block_expires` datetime NOT NULL,
  `record_expires` datetime NOT NULL,
  `create_time` timestamp NOT NULL DEFAULT current_timestamp(),
  `last_update` timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  `comment` varchar(255) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=8 DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `greylisting_lists`
--

LOCK TABLES `greylisting_lists` WRITE;
/*!40000 ALTER TABLE `greylisting_lists` DISABLE KEYS */;
INSERT INTO `greylisting_lists` VALUES
(1,'127.0.0.1','\0\0','\0\0',NULL,NULL,'0000-00-00 00:00:00','9999-12-31 23:59:59','2026-11-26 09:00:00','2026-11-26 09:00:00','white, for ever; -- no comment'),
(2,'192.168.1.0/24','À¨\0','À¨\0',NULL,NULL,'9999-12-31 23:59:59','9999-12-31 23:59:59','2026-11-26 09:00:00','2026-11-26 09:00:00','black /* for */ ever'),
(3,'2001:0db8:85a3::/48',' \r¸…£\0\0\0\0\0\0\0\0\0\0',' \r¸…£\0\0\0\0\0\0\0\0\0\0',NULL,NULL,'9999-12-31 23:59:59','2026-12-01 00:00:00','2026-11-26 09:00:00','2026-11-26 09:00:00','black to the end of November'),
(4,NULL,NULL,NULL,NULL,'example.org','0000-00-00 00:00:00','9999-12-31 23:59:59','2026-11-26 09:00:00','2026-11-26 09:00:00','white by recipient'),
(5,'203.0.113.7','Ë\0q','Ë\0q',NULL,'example.com','2026-12-02 00:00:00','2026-12-31 23:59:59','2026-11-26 09:00:00','2026-11-26 09:00:00','either, to 2 December'),
(6,'203.0.113.8','Ë\0q','Ë\0q',NULL,NULL,'0000-00-00 00:00:00','2026-11-01 00:00:00','2026-11-26 09:00:00','2026-11-26 09:00:00','over'),
(7,NULL,NULL,NULL,NULL,NULL,'0000-00-00 00:00:00','9999-12-31 23:59:59','2026-11-26 09:00:00','2026-11-26 09:00:00','nobody');
/*!40000 ALTER TABLE `greylisting_lists` ENABLE KEYS */;
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

--
-- Current Database: `relaydelay`
--

CREATE DATABASE /*!32312 IF NOT EXISTS*/ `relaydelay` /*!40100 DEFAULT CHARACTER SET latin1 COLLATE latin1_swedish_ci */;

USE `relaydelay`;

--
-- Table structure for table `dns_name`
--

DROP TABLE IF EXISTS `dns_name`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `dns_name` (
  `relay_ip` varchar(18) NOT NULL,
  `relay_name` varchar(255) NOT NULL,
  PRIMARY KEY (`relay_ip`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `dns_name`
--

LOCK TABLES `dns_name` WRITE;
/*!40000 ALTER TABLE `dns_name` DISABLE KEYS */;
INSERT INTO `dns_name` VALUES
('192.0.2.1','elpmaxe.b.xm');
/*!40000 ALTER TABLE `dns_name` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `relaytofrom`
--

DROP TABLE IF EXISTS `relaytofrom`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `relaytofrom` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `relay_ip` char(16) DEFAULT NULL,
  `mail_from` varchar(255) DEFAULT NULL,
  `rcpt_to` varchar(255) DEFAULT NULL,
  `block_expires` datetime NOT NULL,
  `record_expires` datetime NOT NULL,
  `blocked_count` bigint(20) NOT NULL DEFAULT 0,
  `passed_count` bigint(20) NOT NULL DEFAULT 0,
  `aborted_count` bigint(20) NOT NULL DEFAULT 0,
  `origin_type` enum('MANUAL','AUTO') NOT NULL,
  `create_time` datetime NOT NULL,
  `last_update` timestamp NOT NULL,
  PRIMARY KEY (`id`),
  KEY `relay_ip` (`relay_ip`),
  KEY `mail_from` (`mail_from`(20)),
  KEY `rcpt_to` (`rcpt_to`(20))
) ENGINE=MyISAM AUTO_INCREMENT=15 DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `relaytofrom`
--

LOCK TABLES `relaytofrom` WRITE;
/*!40000 ALTER TABLE `relaytofrom` DISABLE KEYS */;
INSERT INTO `relaytofrom` VALUES
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
/*!40000 ALTER TABLE `relaytofrom` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Current Database: `test`
--

CREATE DATABASE /*!32312 IF NOT EXISTS*/ `test` /*!40100 DEFAULT CHARACTER SET latin1 COLLATE latin1_swedish_ci */;

USE `test`;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed
