# Queries that are signed with a key.
grey_unit_test(wire_keys_test
               SOURCES unit/wire/key_field_test.cc unit/wire/keys_test.cc unit/wire/mac_test.cc
               LIBRARIES grey_wire PkgConfig::sodium)
