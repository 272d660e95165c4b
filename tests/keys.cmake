# Queries that are signed with a key.
grey_unit_test(wire_keys_test
               SOURCES unit/wire/key_field_test.cc unit/wire/keys_test.cc unit/wire/mac_test.cc
               LIBRARIES grey_wire PkgConfig::sodium)
grey_unit_test(fronts_keys_test
               SOURCES unit/fronts/udp_front_keys_test.cc
               LIBRARIES grey_daemon)
grey_unit_test(libgreylist_keys_test
               SOURCES unit/libgreylist/greylist_keys_test.cc
               LIBRARIES greylist_static)
add_test(NAME keys_test
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/keys_test.pl $<TARGET_FILE:qmail-greyd>
                 $<TARGET_FILE:greyctl> $<TARGET_FILE:greyspp> $<TARGET_FILE:ask_many>
                 $<TARGET_FILE:set_clock>)
add_test(NAME svctool_keys_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/svctool_keys_test.sh $<TARGET_FILE:svctool>
                 $<TARGET_FILE:qmail-greyd>)
set_tests_properties(svctool_keys_test PROPERTIES SKIP_RETURN_CODE 77)
