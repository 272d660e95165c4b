/*M!999999\- enable the sandbox mode */ 
INSERT INTO `greylisting_data` VALUES
(1,'À\0','a@b.example','joe@example.net','2026-11-26 09:02:00','2026-11-26 17:20:00',2,0,0,'2026-11-26 10:00:00','2026-11-26 10:00:00'),
(2,'À\0\'','o\'brien@d.example','joe@example.net','2026-11-26 09:00:00','2027-01-01 09:00:00',1,4,0,'2026-11-20 10:00:00','2026-11-26 10:00:00'),
(3,'À\0\0\n','back\\slash\"	@d.example','j,o)e;@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 10:00:01','2026-11-26 10:00:00'),
(4,'\\\r\Z\"','','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 10:00:02','2026-11-26 10:00:00'),
(5,' \r¸\0\0\0\0\0\0\0\0\0\0\0\0','m@b.example','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 10:00:03','2026-11-26 10:00:00'),
(6,' \r¸','cut4@b.example','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 10:00:04','2026-11-26 10:00:00'),
(7,'À\0','cut2@b.example','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 10:00:05','2026-11-26 10:00:00'),
(8,' \r¸\0','cut6@b.example','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',1,0,0,'2026-11-26 10:00:06','2026-11-26 10:00:00'),
(9,'À\0	','expired@b.example','joe@example.net','2026-11-20 09:00:00','2026-11-20 17:20:00',7,0,0,'2026-11-20 10:00:00','2026-11-26 10:00:00'),
(10,NULL,NULL,NULL,'2026-11-26 09:00:00','2026-11-26 17:20:00',0,0,0,'2026-11-26 10:00:00','2026-11-26 10:00:00'),
(11,'À\0\n',NULL,'joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',0,0,0,'2026-11-26 10:00:00','2026-11-26 10:00:00'),
(12,'À\0','Ã¼mlaut@?','joe@example.net','2026-11-26 09:00:00','2026-11-26 17:20:00',0,0,0,'2026-11-26 10:00:07','2026-11-26 10:00:00');
INSERT INTO `greylisting_lists` VALUES
(1,'127.0.0.1','\0\0','\0\0',NULL,NULL,'0000-00-00 00:00:00','9999-12-31 23:59:59','2026-11-26 10:00:00','2026-11-26 10:00:00','white, for ever; -- no comment'),
(2,'192.168.1.0/24','À¨\0','À¨\0',NULL,NULL,'9999-12-31 23:59:59','9999-12-31 23:59:59','2026-11-26 10:00:00','2026-11-26 10:00:00','black /* for */ ever'),
(3,'2001:0db8:85a3::/48',' \r¸…£\0\0\0\0\0\0\0\0\0\0',' \r¸…£\0\0\0\0\0\0\0\0\0\0',NULL,NULL,'9999-12-31 23:59:59','2026-12-01 00:00:00','2026-11-26 10:00:00','2026-11-26 10:00:00','black to the end of November'),
(4,NULL,NULL,NULL,NULL,'example.org','0000-00-00 00:00:00','9999-12-31 23:59:59','2026-11-26 10:00:00','2026-11-26 10:00:00','white by recipient'),
(5,'203.0.113.7','Ë\0q','Ë\0q',NULL,'example.com','2026-12-02 00:00:00','2026-12-31 23:59:59','2026-11-26 10:00:00','2026-11-26 10:00:00','either, to 2 December'),
(6,'203.0.113.8','Ë\0q','Ë\0q',NULL,NULL,'0000-00-00 00:00:00','2026-11-01 00:00:00','2026-11-26 10:00:00','2026-11-26 10:00:00','over'),
(7,NULL,NULL,NULL,NULL,NULL,'0000-00-00 00:00:00','9999-12-31 23:59:59','2026-11-26 10:00:00','2026-11-26 10:00:00','nobody');
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
