/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: g
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
-- Table structure for table `relaytofrom`
--

DROP TABLE IF EXISTS `relaytofrom`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `relaytofrom` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `relay_ip` varchar(43) DEFAULT NULL,
  `mail_from` varbinary(322) DEFAULT NULL,
  `rcpt_to` varbinary(322) DEFAULT NULL,
  `block_expires` datetime NOT NULL,
  `record_expires` datetime NOT NULL,
  `blocked_count` bigint(20) NOT NULL DEFAULT 0,
  `passed_count` bigint(20) NOT NULL DEFAULT 0,
  `aborted_count` bigint(20) NOT NULL DEFAULT 0,
  `origin_type` enum('MANUAL','AUTO') NOT NULL,
  `create_time` datetime NOT NULL,
  `last_update` timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
  PRIMARY KEY (`id`),
  KEY `relay_ip` (`relay_ip`),
  KEY `mail_from` (`mail_from`(20)),
  KEY `rcpt_to` (`rcpt_to`(20))
) ENGINE=InnoDB AUTO_INCREMENT=6 DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `relaytofrom`
--

LOCK TABLES `relaytofrom` WRITE;
/*!40000 ALTER TABLE `relaytofrom` DISABLE KEYS */;
INSERT INTO `relaytofrom` VALUES
(1,'192.0.2.1','<o\'brien@x.example>','<b@y.example>','2023-11-14 22:18:21','2023-11-15 10:13:21',1,0,0,'AUTO','2023-11-14 22:13:21','2023-11-14 22:13:21'),
(2,'192.0.2.7','<>','<b@y.example>','2023-11-14 22:18:22','2023-11-15 10:13:22',1,0,0,'AUTO','2023-11-14 22:13:22','2023-11-14 22:13:22'),
(3,'192.0.2.8','<ÿÃ¼\n\\@x.example>','<b@y.example>','2023-11-14 22:18:23','2023-11-15 10:13:23',1,0,0,'AUTO','2023-11-14 22:13:23','2023-11-14 22:13:23'),
(4,'2001:db8::/64','<a@x.example>','<b@y.example>','2023-11-14 22:13:20','2023-12-20 22:13:20',1,1,0,'AUTO','2023-11-14 22:13:20','2023-11-14 22:13:20'),
(5,'192.0.2.9',NULL,NULL,'2023-11-14 22:13:20','2023-11-21 22:13:20',0,0,0,'MANUAL','2023-11-14 22:13:20','2023-11-14 22:13:20');
/*!40000 ALTER TABLE `relaytofrom` ENABLE KEYS */;
UNLOCK TABLES;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed on 2026-11-26 15:53:10
