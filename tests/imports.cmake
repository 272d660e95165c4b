# Moving in from other greylisters, and out.
add_test(NAME import_as_root_test
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/import_as_root_test.sh $<TARGET_FILE:greyctl>
                 ${CMAKE_SOURCE_DIR})
set_tests_properties(import_as_root_test PROPERTIES SKIP_RETURN_CODE 77)
