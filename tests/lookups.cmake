# What a domain's SPF record says, and the process that asks for it.
grey_unit_test(spf_test
               SOURCES unit/spf/flattening_test.cc unit/spf/messages_test.cc
               LIBRARIES grey_spf)
add_library(slow_spawner SHARED e2e/slow_spawner.c)
target_compile_options(slow_spawner PRIVATE -D_GNU_SOURCE -fno-sanitize=all)
target_link_options(slow_spawner PRIVATE -fno-sanitize=all)
add_test(NAME lookups_test COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/lookups_test.pl
                                   $<TARGET_FILE:qmail-greyd> $<TARGET_FILE:greyctl>
                                   $<TARGET_FILE:slow_spawner>)
set_tests_properties(lookups_test PROPERTIES SKIP_RETURN_CODE 77)
grey_unit_test(lookups_unit_test
               SOURCES unit/lookups/lookups_test.cc unit/lookups/network_cache_test.cc
                       unit/lookup_helper/domains_test.cc
               LIBRARIES grey_lookups grey_lookup_helper)
grey_unit_test(listed_networks_test
               SOURCES unit/service/listed_networks_test.cc
               LIBRARIES grey_service)
add_test(NAME lookup_helper_test COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/lookup_helper_test.pl
                                         $<TARGET_FILE:qmail-greyd-lookup> $<TARGET_FILE:forbidden>)
set_tests_properties(lookup_helper_test PROPERTIES SKIP_RETURN_CODE 77)
