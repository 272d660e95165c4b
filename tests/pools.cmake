# Pools: hosts of one provider that count as one client.
grey_unit_test(pools_test
               SOURCES unit/pools/name_parents_test.cc unit/pools/pool_keeper_test.cc unit/pools/providers_test.cc
               LIBRARIES grey_pools grey_state)
add_test(NAME pools_e2e
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/pools_test.pl
                 $<TARGET_FILE:qmail-greyd> $<TARGET_FILE:greyctl>)
add_test(NAME spf_pools_e2e
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/spf_pools_test.pl
                 $<TARGET_FILE:qmail-greyd> $<TARGET_FILE:greyctl>)
set_tests_properties(spf_pools_e2e PROPERTIES SKIP_RETURN_CODE 77)
