# What the system gives no more of, and time: the daemon under each.
add_test(NAME scarce_test
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/scarce_test.pl $<TARGET_FILE:qmail-greyd>
                 $<TARGET_FILE:greyctl>)
set_tests_properties(scarce_test PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME years_test
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/years_test.pl $<TARGET_FILE:qmail-greyd>
                 $<TARGET_FILE:set_clock>)
add_test(NAME storm_test
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/storm_test.pl $<TARGET_FILE:qmail-greyd>
                 $<TARGET_FILE:greyctl> $<TARGET_FILE:fault_injection>)
