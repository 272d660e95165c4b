# Shares of the records, and what else bounds a daemon under load.
foreach(what shares)
  add_test(NAME ${what}_test
           COMMAND perl ${CMAKE_CURRENT_SOURCE_DIR}/e2e/${what}_test.pl
                   $<TARGET_FILE:qmail-greyd> $<TARGET_FILE:greyctl>)
  set_tests_properties(${what}_test PROPERTIES SKIP_RETURN_CODE 77)
endforeach()
