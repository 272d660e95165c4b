# Daemons that share a state, with real Redis servers and Sentinels, in networks of their own. What
# they wait for is time-outs and Sentinels, not the processor.
add_library(set_clock SHARED e2e/set_clock.c)
target_compile_options(set_clock PRIVATE -D_GNU_SOURCE -fno-sanitize=all)
target_link_options(set_clock PRIVATE -fno-sanitize=all)
foreach(what shared loss away failover partition kill)
  add_test(NAME store_${what}_test
           COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/store_${what}_test.pl
                   $<TARGET_FILE:qmail-greyd> $<TARGET_FILE:greyctl> $<TARGET_FILE:set_clock>)
  set_tests_properties(store_${what}_test PROPERTIES SKIP_RETURN_CODE 77)
endforeach()
