# Pools: hosts of one provider that count as one client.
grey_unit_test(pools_test
               SOURCES unit/pools/name_parents_test.cc unit/pools/pool_keeper_test.cc unit/pools/providers_test.cc
               LIBRARIES grey_pools grey_state)
