# Moving in from other greylisters, and out.
add_test(NAME import_as_root_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/import_as_root_test.sh $<TARGET_FILE:greyctl>
                 ${CMAKE_SOURCE_DIR})
set_tests_properties(import_as_root_test PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME coming_from_test
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/coming_from_test.pl ${CMAKE_SOURCE_DIR}
                 $<TARGET_FILE:qmail-greyd> $<TARGET_FILE:greyctl> $<TARGET_FILE:svctool>)
add_test(NAME greylist_nightly_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/greylist_nightly_test.sh ${CMAKE_SOURCE_DIR}
                 $<TARGET_FILE:qmail-greyd> $<TARGET_FILE:greyctl>)
add_test(NAME import_bad_input_test
         COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/import_bad_input_test.pl
                 $<TARGET_FILE:qmail-greyd> $<TARGET_FILE:greyctl> ${CMAKE_SOURCE_DIR})
add_test(NAME progress_test COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/progress_test.pl
                                    $<TARGET_FILE:greyctl>)
