# What CPack needs for the Debian packages; scripts/package makes them.
#
#   qmail-greyd      programs, samples, man pages; its maintainer scripts set up greylist.1999
#   libgreylist-dev  header, static library, greylist(3)
#
# There is none with the shared library: an SMTP server that asks by itself has to be compiled
# anyway, and nothing is promised yet about the library's binary interface.

set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL server dev)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/complete.cmake)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_VENDOR "qmail-greyd authors")
# Each package has a summary of its own.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")

set(CPACK_DEBIAN_PACKAGE_SOURCE qmail-greyd)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_SERVER_PACKAGE_NAME qmail-greyd)
set(CPACK_DEBIAN_SERVER_PACKAGE_SECTION mail)
set(CPACK_DEBIAN_SERVER_DESCRIPTION "greylisting daemon for qmail and other mail servers
The first delivery attempt of an unknown (client, sender, recipient) triplet
is deferred with a temporary error. A real mail server tries again and is
accepted; most spam engines never come back.

The package holds the daemon qmail-greyd, which also runs under the name and
the rules of greydaemon; greyctl, which looks into it and changes what it
remembers; svctool, which sets up services and tells SMTP servers about them;
and greysmtpd, which stands between tcpserver and an SMTP
server that cannot ask by itself. It sets up the service greylist.1999.")
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS "passwd")
set(CPACK_DEBIAN_SERVER_PACKAGE_RECOMMENDS "systemd-sysv | daemontools-run | runit-run | s6")
set(CPACK_DEBIAN_SERVER_PACKAGE_SUGGESTS "ucspi-tcp-ipv6 | ucspi-tcp")
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA
    ${CMAKE_CURRENT_LIST_DIR}/postinst ${CMAKE_CURRENT_LIST_DIR}/prerm
    ${CMAKE_CURRENT_LIST_DIR}/postrm ${CMAKE_CURRENT_LIST_DIR}/conffiles)

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libgreylist-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_DESCRIPTION "library that asks a greylisting daemon - development files
libgreylist lets an SMTP server written in C ask qmail-greyd or greydaemon
whether to accept a message. The package holds the header, the static library
and its manual page.")

include(CPack)
